//! Filters of the inbox, and its pages.

use super::{open, samples};
use crate::inbox::deliveries::delivery;
use crate::support::{Browser, Store};

fn rows(browser: &Browser) -> Vec<usize> {
    let ids = browser.attributes("#deliveries tr[id^=delivery]", "id");
    ids.iter().map(|id| id.trim_start_matches("delivery-").parse().unwrap()).collect()
}

#[test]
fn filters_are_in_the_url_and_survive_a_reload() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    browser.fill("input[name=search]", "Ridgeway BOOT");
    browser.follow("#filters button");
    assert_eq!(rows(&browser), [8, 3]);
    browser.select("select[name=event]", "chat:transcript_created");
    browser.fill("input[name=person]", "wielgosz");
    browser.fill("input[name=property]", "64b1f0c29d3e7a5518c2e9d4");
    browser.follow("#filters button");
    assert_eq!(rows(&browser), [8]);
    let url = browser.url();
    for part in ["search=Ridgeway+BOOT", "event=chat%3Atranscript_created", "person=wielgosz"] {
        assert!(url.contains(part), "{part} in {url}");
    }
    browser.reload();
    assert_eq!((rows(&browser), browser.url()), (vec![8], url));
    let value = |name: &str| browser.run(&format!("return document.forms.filters.{name}.value"));
    assert_eq!(value("search"), "Ridgeway BOOT");
    assert_eq!(value("event"), "chat:transcript_created");
    assert_eq!(value("property"), "64b1f0c29d3e7a5518c2e9d4");
    browser.follow("#filters a");
    assert_eq!((rows(&browser).len(), browser.url()), (12, desk.url("/")));
}

#[test]
fn a_row_links_to_the_deliveries_of_its_person_and_property() {
    let store = samples();
    let Some((_desk, browser)) = open(&store) else { return };
    browser.follow("#delivery-12 .person a");
    assert_eq!(rows(&browser), [12]);
    browser.follow("#delivery-12 .property a");
    assert_eq!(rows(&browser), [12, 10, 8, 7, 6, 4, 3, 2, 1]);
}

#[test]
fn dates_select_days_including_the_last() {
    let store = samples();
    let mut session = store.session();
    // 2026-01-31T23:59:59.999Z, and a millisecond later.
    session.execute("UPDATE deliveries SET received_at = 1769903999999 WHERE id = 4");
    session.execute("UPDATE deliveries SET received_at = 1769904000000 WHERE id = 5");
    session.close();
    let Some((desk, browser)) = open(&store) else { return };
    for (dates, expected) in [
        ("since=2026-01-31&until=2026-01-31", &[4][..]),
        ("since=2026-02-01&until=2026-02-01", &[5]),
        ("since=2026-01-31&until=2026-02-01", &[5, 4]),
        ("until=2026-02-01", &[5, 4]),
        ("since=&until=2026-01-30", &[]),
    ] {
        browser.open(&desk.url(&format!("/?{dates}")));
        assert_eq!(rows(&browser), expected, "{dates}");
    }
    browser.open(&desk.url("/?since=yesterday"));
    assert!(browser.text("[role=alert]").starts_with("invalid date"), "{}", browser.source());
}

#[test]
fn older_deliveries_are_on_further_pages() {
    let store = Store::sqlite();
    let listener = store.listener();
    for number in 0..120 {
        assert_eq!(listener.deliver(&delivery(number)).status, 200);
    }
    let Some((_desk, browser)) = open(&store) else { return };
    browser.fill("input[name=search]", "visitor");
    browser.follow("#filters button");
    let mut all = rows(&browser);
    assert!((48..120).contains(&all.len()), "{all:?}");
    while browser.count("main > button") > 0 {
        browser.follow("main > button");
        assert!(browser.url().contains("search=visitor"), "{}", browser.url());
        all.extend(rows(&browser));
    }
    assert_eq!(all, (1..=120).rev().collect::<Vec<_>>());
}
