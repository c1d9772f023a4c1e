//! Finds deliveries.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::SystemTime;

use anyhow::{Result, ensure};
use clap::Args;
use rusqlite::types::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Store;
use super::database::{Database, Row};
use super::model::{StoreError, StoredDelivery, to_unix_millis};
use super::search_text::{normalized, one_line};

/// Maximum deliveries of a page. Each may have a body of megabytes.
const PAGE: usize = 16;

/// Maximum ids that a query examines, so that none takes long, however many there are.
const STEP: i64 = 10_000;

/// Conditions that a delivery meets, all of them. The comments are what `--help` shows.
#[derive(Args, Clone, Default)]
pub struct Filter {
    /// Name of the event, such as ticket:create
    #[arg(long, value_name = "NAME")]
    pub event: Option<String>,
    /// Id of the chat or ticket
    #[arg(long, value_name = "ID")]
    pub chat: Option<String>,
    /// Id of the property
    #[arg(long, value_name = "ID")]
    pub property: Option<String>,
    /// Words that all occur in the name or email address of the visitor or requester
    #[arg(long, value_name = "WORDS")]
    pub person: Option<String>,
    /// Words that all occur in the names, subjects and messages
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// Earliest time, such as 2h (ago) or 2026-01-31T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub since: Option<SystemTime>,
    /// Time before which the deliveries were received, in the same format
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub until: Option<SystemTime>,
    /// The whole email address of the visitor or requester.
    #[arg(skip)]
    pub email: Option<String>,
    /// Ids of chats and tickets, any of them.
    #[arg(skip)]
    pub chats: Option<Vec<String>>,
}

fn parse_time(text: &str) -> Result<SystemTime, &'static str> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(time.into());
    }
    let ago = humantime::parse_duration(text).ok();
    let time = ago.and_then(|ago| SystemTime::now().checked_sub(ago));
    time.ok_or("write a time ago, as in 2h or 7days, or a time, as in 2026-01-31T09:00:00Z")
}

impl Filter {
    /// Returns a condition and its parameters.
    fn to_sql(&self, ids: &Range<i64>, database: &Database) -> (String, Vec<Value>) {
        let (find, list, cast) = match database {
            Database::Sqlite(_) => ("instr", "json_each", ""),
            Database::Postgres(_) => ("strpos", "jsonb_array_elements_text", "::jsonb"),
        };
        let mut values = Vec::new();
        let mut bind = |value: Value| {
            values.push(value);
            format!("${}", values.len())
        };
        let mut all = vec!["body IS NOT NULL".to_owned()];
        for (condition, value) in [
            ("id >= ", Some(ids.start.into())),
            ("id < ", Some(ids.end.into())),
            ("event = ", self.event.clone().map(Value::from)),
            ("property_id = ", self.property.clone().map(Value::from)),
            ("coalesce(chat_id, ticket_id) = ", self.chat.clone().map(Value::from)),
            ("received_at >= ", self.since.map(to_unix_millis).map(Value::from)),
            ("received_at < ", self.until.map(to_unix_millis).map(Value::from)),
        ] {
            all.extend(value.map(|value| condition.to_owned() + &bind(value)));
        }
        for word in words(self.search.as_ref()) {
            all.push(format!("{find}(search_text, {}) > 0", bind(word.into())));
        }
        for word in words(self.person.as_ref()) {
            let first_line = format!("1 AND {find}(search_text, '\n')");
            let word = bind(word.into());
            all.push(format!("{find}(search_text, {word}) BETWEEN {first_line}"));
        }
        if let Some(email) = &self.email {
            let start = normalized(&one_line(email)) + "\t";
            all.push(format!("{find}(search_text, {}) = 1", bind(start.into())));
        }
        if let Some(chats) = &self.chats {
            let json = bind(serde_json::json!(chats).to_string().into());
            let chats = format!("SELECT value FROM {list}({json}{cast})");
            all.push(format!("coalesce(chat_id, ticket_id) IN ({chats})"));
        }
        (all.join(" AND "), values)
    }
}

fn words(text: Option<&String>) -> Vec<String> {
    let text = text.map(|text| normalized(text)).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

/// How many chats were started and tickets created on a day.
#[derive(Clone, Copy, Default)]
pub struct Day {
    pub chats: i64,
    pub tickets: i64,
}

#[derive(Clone, Copy)]
pub enum Order {
    NewestFirst,
    OldestFirst,
}

impl Store {
    /// Returns the range of all ids. Fails if the filter looks for words, and deliveries of an
    /// earlier version are not searchable yet: they would be missing without notice.
    pub async fn ids(&self, filter: &Filter) -> Result<Range<i64>> {
        // In the order of the index that has only these.
        const UNSEARCHABLE: &str = "SELECT id FROM deliveries WHERE search_text IS NULL \
                                    AND body IS NOT NULL ORDER BY id LIMIT 1";
        const END: &str = "SELECT coalesce(max(id), 0) + 1 AS id FROM deliveries";
        let Filter { person, search, email, .. } = filter;
        ensure!(
            [person, search, email].iter().all(|words| words.is_none())
                || self.database.read(UNSEARCHABLE, Vec::new()).await?.is_empty(),
            "deliveries of an earlier version are not searchable yet; let the listener run for \
             some minutes"
        );
        let rows = self.database.read(END, Vec::new()).await?;
        Ok(1..rows.first().map_or(Ok(1), |row| row.get("id"))?)
    }

    /// Returns the next deliveries that a filter finds among `ids`, and removes those that were
    /// examined from `ids`. An empty page is the end.
    pub async fn next_page(
        &self,
        filter: &Filter,
        ids: &mut Range<i64>,
        order: Order,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        let columns = StoredDelivery::COLUMNS;
        while !ids.is_empty() {
            let (step, direction) = match order {
                Order::NewestFirst => (ids.start.max(ids.end - STEP)..ids.end, "DESC"),
                Order::OldestFirst => (ids.start..ids.end.min(ids.start + STEP), "ASC"),
            };
            let (condition, values) = filter.to_sql(&step, &self.database);
            let sql = format!(
                "SELECT {columns} FROM deliveries WHERE {condition} \
                 ORDER BY id {direction} LIMIT {PAGE}"
            );
            let rows = self.database.read(&sql, values).await?;
            let page = rows.iter().map(StoredDelivery::from_row).collect::<Result<Vec<_>, _>>()?;
            let last = page.get(PAGE - 1).map(|stored| stored.id);
            match order {
                Order::NewestFirst => ids.end = last.unwrap_or(step.start),
                Order::OldestFirst => ids.start = last.map_or(step.end, |last| last + 1),
            }
            if !page.is_empty() {
                return Ok(page);
            }
        }
        Ok(Vec::new())
    }

    /// Returns a filter for the chats and tickets of a person, instead of the person's deliveries:
    /// a visitor may have no name at first. No event is about a person without one of them.
    pub async fn with_chats(&self, mut filter: Filter) -> Result<Filter> {
        let (person, email) = (filter.person.take(), filter.email.take());
        if person.is_some() || email.is_some() {
            let mut chats = BTreeSet::new();
            let add = |StoredDelivery { delivery, .. }: StoredDelivery| {
                chats.extend(delivery.chat_id.or(delivery.ticket_id));
                Ok(())
            };
            self.for_each(&Filter { person, email, ..Filter::default() }, add).await?;
            filter.chats = Some(chats.into_iter().collect());
        }
        Ok(filter)
    }

    /// Calls `each` with all deliveries that a filter finds, the oldest first.
    pub async fn for_each(
        &self,
        filter: &Filter,
        mut each: impl FnMut(StoredDelivery) -> Result<()>,
    ) -> Result<()> {
        let mut ids = self.ids(filter).await?;
        while !ids.is_empty() {
            for stored in self.next_page(filter, &mut ids, Order::OldestFirst).await? {
                each(stored)?;
            }
        }
        Ok(())
    }

    /// Counts chats and tickets from a day on. Days are numbered from 1970, in UTC.
    pub async fn days(&self, first: i64) -> Result<BTreeMap<i64, Day>, StoreError> {
        const COUNT: &str = "SELECT received_at / 86400000 AS day, \
             count(CASE WHEN event = 'chat:start' THEN 1 END) AS chats, \
             count(CASE WHEN event = 'ticket:create' THEN 1 END) AS tickets \
             FROM deliveries WHERE body IS NOT NULL AND received_at >= $1 GROUP BY day";
        let rows = self.database.read(COUNT, vec![(first * 86_400_000).into()]).await?;
        let day = |row: &Row| {
            Ok((row.get("day")?, Day { chats: row.get("chats")?, tickets: row.get("tickets")? }))
        };
        rows.iter().map(day).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_are_a_duration_ago_or_rfc_3339_with_an_offset() {
        let noon = UNIX_EPOCH + Duration::from_secs(12 * 60 * 60);
        assert_eq!(parse_time("1970-01-01T12:00:00Z"), Ok(noon));
        assert_eq!(parse_time("1970-01-01T14:00:00+02:00"), Ok(noon));
        let hour_ago = parse_time("1h").unwrap().elapsed().unwrap();
        assert!((3_600..3_660).contains(&hour_ago.as_secs()), "{hour_ago:?}");
        for invalid in ["", "yesterday", "2h ago", "1970-01-01"] {
            assert!(parse_time(invalid).is_err(), "{invalid}");
        }
    }
}
