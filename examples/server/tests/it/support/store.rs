//! A database under test, and the programs that use it.

use serde_json::Value;

use super::{Directory, Finished, Listener, Postgres, Session, run_in};

pub struct Store {
    /// Where all of them run.
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

    /// What is stored, by `inbox export`.
    pub fn export(&self) -> Vec<Value> {
        let exported = self.inbox(&["export"]);
        assert_eq!((exported.code, &*exported.stderr), (Some(0), ""), "{exported:?}");
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The signatures of what is stored.
    pub fn signatures(&self) -> Vec<String> {
        let text = |delivery: &Value| delivery["signature"].as_str().unwrap().to_owned();
        self.export().iter().map(text).collect()
    }

    /// A way into the database past the program.
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

/// A test of each promise on each database.
macro_rules! on_each_database {
    ($($file:ident::$promise:ident,)*) => {
        mod sqlite {
            $(#[test]
            fn $promise() {
                super::$file::$promise(&$crate::support::Store::sqlite());
            })*
        }

        mod postgres {
            $(#[test]
            fn $promise() {
                if let Some(store) = $crate::support::Store::postgres() {
                    super::$file::$promise(&store);
                }
            })*
        }
    };
}
pub(crate) use on_each_database;
