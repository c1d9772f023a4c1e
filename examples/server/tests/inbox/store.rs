//! A database under test, and the programs that use it.

use serde_json::Value;

use super::support::{Directory, Finished, Listener, Postgres, Session, run_in};

pub(crate) struct Store {
    /// Where all of them run.
    pub(crate) directory: Directory,
    pub(crate) url: String,
}

impl Store {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self { directory: Directory::new(), url: url.into() }
    }

    pub(crate) fn sqlite() -> Self {
        Self::new("sqlite://tawk.db")
    }

    pub(crate) fn postgres() -> Option<Self> {
        Postgres::shared().map(|server| Self::new(server.database()))
    }

    pub(crate) fn listener(&self) -> Listener {
        self.listener_with(&[])
    }

    pub(crate) fn listener_with(&self, settings: &[(&str, &str)]) -> Listener {
        let defaults = [("DATABASE_URL", &*self.url), ("TAWK_LOG", "summary")];
        Listener::start_in(self.directory.clone(), &[], &[&defaults, settings].concat())
    }

    /// Runs `tawk-listener inbox`.
    pub(crate) fn inbox(&self, arguments: &[&str]) -> Finished {
        let arguments = [&["inbox"], arguments].concat();
        run_in(&self.directory, &arguments, &[("DATABASE_URL", &self.url)])
    }

    /// What is stored, by `inbox export`.
    pub(crate) fn export(&self) -> Vec<Value> {
        let exported = self.inbox(&["export"]);
        assert_eq!((exported.code, &*exported.stderr), (Some(0), ""), "{exported:?}");
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The signatures of what is stored.
    pub(crate) fn signatures(&self) -> Vec<String> {
        let text = |delivery: &Value| delivery["signature"].as_str().unwrap().to_owned();
        self.export().iter().map(text).collect()
    }

    /// A way into the database past the program.
    pub(crate) fn session(&self) -> Session {
        match self.url.strip_prefix("sqlite://") {
            Some(file) => {
                let path = self.directory.path().join(file);
                Session::open(&format!("sqlite://{}", path.display()))
            }
            None => Session::open(&self.url),
        }
    }
}
