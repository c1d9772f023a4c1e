//! A working directory for processes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

/// An empty directory, removed when its last clone is dropped.
#[derive(Clone)]
pub struct Directory(Arc<TempDir>);

impl Directory {
    pub fn new() -> Self {
        Self(Arc::new(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path().join(name), contents).unwrap();
        self
    }
}
