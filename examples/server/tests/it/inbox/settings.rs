//! Unusable values of `DATABASE_URL`.

use crate::support::{Directory, Postgres, SECRET, Store, execute, run_in};

const PASSWORD: &str = "an-invented-password";

#[test]
fn reports_an_unusable_database_in_one_line_without_its_password() {
    let directory = Directory::new();
    directory.write("file", "").write("not-a-database", "x".repeat(4096));
    let urls = [
        "tawk.db",
        "mysql://x",
        &format!("mysql://tawk:{PASSWORD}@localhost/tawk"),
        "sqlite:",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://tawk.db?mode=memory",
        "sqlite://.",
        "sqlite://file/tawk.db",
        "sqlite://not-a-database",
        "sqlite://tawk.db?no-such-option=1",
        &format!("postgres://tawk:{PASSWORD}@127.0.0.1:1/tawk"),
        &format!("postgres://tawk:{PASSWORD}@127.0.0.1:65536/tawk"),
        &format!("postgres://tawk:{PASSWORD}@[/tawk"),
        &format!("postgres://127.0.0.1:1/tawk?user=tawk&password={PASSWORD}"),
        // The password begins with a character that ends the host of a URL.
        &format!("postgres://127.0.0.1:1?{PASSWORD}@127.0.0.1:1/tawk"),
        &format!("postgres://127.0.0.1:1#{PASSWORD}@127.0.0.1:1/tawk"),
        &format!("postgres://tawk:/{PASSWORD}@127.0.0.1:1/tawk"),
        &format!("postgres://tawk:@?#%{PASSWORD} @127.0.0.1:1/tawk?sslmode=require"),
        &format!("postgres://tawk:{PASSWORD}@127.0.0.1:1/tawk?no-such-option={PASSWORD}"),
        "sqlite://~/tawk.db",
        #[cfg(unix)]
        r"sqlite://C:\data\tawk.db",
        #[cfg(unix)]
        "sqlite:///C:/data/tawk.db",
    ];
    for url in urls {
        let settings = [("DATABASE_URL", url), ("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")];
        for arguments in [&[][..], &["inbox", "export"]] {
            let finished = run_in(&directory, arguments, &settings);
            assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{url} {finished:?}");
            assert_eq!(finished.stderr.lines().count(), 1, "{url} {finished:?}");
            assert!(finished.stderr.starts_with("tawk-listener: "), "{url} {finished:?}");
            assert!(!finished.stderr.contains(PASSWORD), "{url} {finished:?}");
        }
    }
}

#[test]
fn reading_commands_do_not_create_the_database() {
    let directory = Directory::new();
    for arguments in [&["inbox", "list"][..], &["inbox", "export"], &["inbox", "show", "1"]] {
        let finished = run_in(&directory, arguments, &[]);
        assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    }
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn accepts_a_password_with_special_characters() {
    const SPECIAL: &str = "a#b/c?d@e%f g";
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    execute(&url, &format!("CREATE ROLE special LOGIN SUPERUSER PASSWORD '{SPECIAL}'"));
    let store = Store::new(url.replacen("postgres@", &format!("special:{SPECIAL}@"), 1));
    store.listener().stop();
    assert_eq!(store.export().len(), 0);
}

/// The resolver takes 127.1 for 127.0.0.1, which the listener does not know.
#[test]
fn warns_of_a_database_that_others_could_pose_as() {
    const WARNING: &str = "add sslmode=verify-full";
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let finished = Store::new(&*url).listener().stop();
    assert!(!finished.stdout.contains(WARNING), "{finished:?}");
    let remote = Store::new(url.replacen("127.0.0.1", "127.1", 1));
    remote.listener().line(WARNING);
}
