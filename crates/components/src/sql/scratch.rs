//! A SQLite database for tests: a file of its own, in a run that may open it.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{File, Files, Nowhere, RunError};
use millrace_outbound::{Database, Sql, SqlConfig, Statement};

use super::SqlDatabase;
use crate::stand_in::Stand;

/// A database, of three items unless it is empty, in a folder that is removed in the end.
pub(crate) struct Scratch {
    pub stand: Stand,
    folder: PathBuf,
}

struct OneFile(PathBuf);

#[async_trait]
impl Files for OneFile {
    async fn read(&self, reference: &str, limit: u64) -> Result<File, RunError> {
        Nowhere.read(reference, limit).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, RunError> {
        Nowhere.list(folder).await
    }

    async fn on_disk(&self, reference: &str) -> Result<PathBuf, RunError> {
        if reference == "shop.db" { Ok(self.0.clone()) } else { Nowhere.on_disk(reference).await }
    }
}

impl Scratch {
    pub async fn new(name: &str) -> Self {
        let scratch = Self::empty(name).await;
        let statements = [
            "CREATE TABLE items (id INTEGER, name TEXT, price REAL, PRIMARY KEY (id))",
            "INSERT INTO items VALUES (1, 'pen', 1.5), (2, 'book', 12.0), (3, 'lamp', 30.0)",
            "CREATE TABLE \"Order Lines\" (item integer NOT NULL REFERENCES items (id), \
             count integer DEFAULT 1, \"order\" varchar(20))",
        ];
        scratch.write(&statements).await;
        scratch
    }

    /// A database without tables.
    pub async fn empty(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("millrace-shop-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("shop.db");
        std::fs::write(&file, b"").unwrap();
        let mut stand = Stand::offline();
        stand.services.files = Arc::new(OneFile(file));
        stand.services.resources = stand.services.resources.with(Sql::new(SqlConfig::default()));
        Self { stand, folder }
    }

    pub async fn write(&self, statements: &[&str]) {
        let database = Database::sqlite_file(self.folder.join("shop.db"));
        let sql = Sql::new(SqlConfig::default());
        for statement in statements {
            sql.run(&database, &Statement::write(*statement, vec![])).await.unwrap();
        }
    }

    pub async fn open(&self, read_only: bool) -> Arc<SqlDatabase> {
        SqlDatabase::open(&self.stand.cx(), "sqlite:///shop.db", read_only).await.unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
