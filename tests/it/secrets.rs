//! Validation of [`Secret`] and [`Secrets`].

use tower_tawk::{InvalidSecret, InvalidSecrets, Secret, Secrets};

#[test]
fn rejects_surrounding_whitespace_and_allows_it_inside() {
    for whitespace in [' ', '\t', '\n', '\x0b', '\x0c', '\r'] {
        let only = whitespace.to_string();
        for text in [format!("{whitespace}text"), format!("text{whitespace}"), only] {
            let error = Secret::new(&text).unwrap_err();
            assert_eq!(error, InvalidSecret::SurroundingWhitespace, "{text:?}");
        }
    }
    assert!(Secret::new("a b").is_ok());
}

fn numbered(count: usize) -> Result<Secrets, InvalidSecrets> {
    Secrets::new((0..count).map(|index| {
        let text = index.to_string();
        (text.clone(), Secret::new(text).unwrap())
    }))
}

#[test]
fn accepts_one_to_sixteen_secrets() {
    assert_eq!(numbered(0).unwrap_err(), InvalidSecrets::Empty);
    assert!(numbered(1).is_ok());
    assert!(numbered(16).is_ok());
    assert_eq!(numbered(17).unwrap_err(), InvalidSecrets::TooMany);
}

#[test]
fn rejects_an_endless_iterator_of_secrets() {
    let secret = Secret::new("text").unwrap();
    let endless = (0..).map(|index: usize| (index.to_string(), secret.clone()));
    assert_eq!(Secrets::new(endless).unwrap_err(), InvalidSecrets::TooMany);
}

#[test]
fn rejects_duplicate_labels() {
    let secret = Secret::new("text").unwrap();
    let error = Secrets::new([("a", secret.clone()), ("a", secret)]).unwrap_err();
    assert_eq!(error, InvalidSecrets::DuplicateLabel);
}
