//! A database under test, and commands that use it.

use serde_json::Value;

use super::{Directory, Finished, Listener, Postgres, Session, run_in};

pub struct Store {
    /// The working directory of all commands.
    pub directory: Directory,
    pub url: String,
}

impl Store {
    pub fn new(url: impl Into<String>) -> Self {
        Self { directory: Directory::new(), url: url.into() }
    }

    pub fn sqlite() -> Self {
        Self::new("sqlite://tawk.db")
    }

    pub fn postgres() -> Option<Self> {
        Postgres::shared().map(|server| Self::new(server.database()))
    }

    pub fn listener(&self) -> Listener {
        self.listener_with(&[])
    }

    pub fn listener_with(&self, settings: &[(&str, &str)]) -> Listener {
        let defaults = [("DATABASE_URL", &*self.url), ("TAWK_LOG", "summary")];
        Listener::start_in(self.directory.clone(), &[], &[&defaults, settings].concat())
    }

    /// Runs `tawk-listener inbox`.
    pub fn inbox(&self, arguments: &[&str]) -> Finished {
        self.inbox_with(arguments, &[])
    }

    pub fn inbox_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Finished {
        let arguments = [&["inbox"], arguments].concat();
        let defaults = [("DATABASE_URL", &*self.url)];
        run_in(&self.directory, &arguments, &[&defaults, settings].concat())
    }

    /// Returns the stored deliveries, as exported by `inbox export`.
    pub fn export(&self) -> Vec<Value> {
        let exported = self.inbox(&["export"]);
        assert_eq!((exported.code, &*exported.stderr), (Some(0), ""), "{exported:?}");
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the signatures of the stored deliveries.
    pub fn signatures(&self) -> Vec<String> {
        let text = |delivery: &Value| delivery["signature"].as_str().unwrap().to_owned();
        self.export().iter().map(text).collect()
    }

    /// Opens the database directly, without the program.
    pub fn session(&self) -> Session {
        match self.url.strip_prefix("sqlite://") {
            Some(file) => {
                let path = self.directory.path().join(file);
                Session::open(&format!("sqlite://{}", path.display()))
            }
            None => Session::open(&self.url),
        }
    }
}

/// Defines each test for both databases.
macro_rules! on_each_database {
    ($($file:ident::$test:ident,)*) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                super::$file::$test(&$crate::support::Store::sqlite());
            })*
        }

        mod postgres {
            $(#[test]
            fn $test() {
                if let Some(store) = $crate::support::Store::postgres() {
                    super::$file::$test(&store);
                }
            })*
        }
    };
}
pub(crate) use on_each_database;
