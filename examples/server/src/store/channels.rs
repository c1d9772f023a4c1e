//! Names channels for the log, metrics and `inbox outbox`: the host of the URL and a number. The
//! URL may be a secret, and a hash of it would confirm a guess. So the number is found by an HMAC
//! under a random key that does not leave the database.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Store;
use super::model::StoreError;

impl Store {
    /// Returns the names of channels, given by their hosts and addresses, in their order. A new
    /// channel gets the next number.
    pub async fn channel_names(
        &self,
        channels: impl Iterator<Item = (String, String)>,
    ) -> Result<Vec<String>, StoreError> {
        // The first listener creates the key.
        const KEY: &str = "INSERT INTO channel_key VALUES (1, $1) \
                           ON CONFLICT (id) DO UPDATE SET id = 1 RETURNING key";
        let new_key = rand::random::<[u8; 32]>().to_vec();
        let rows = self.database.write(KEY, vec![new_key.into()]).await?;
        let missing = || StoreError::Failed("missing key of the channels".into());
        let key: Vec<u8> = rows.first().ok_or_else(missing)?.get("key")?;
        let mut names = Vec::new();
        for (host, address) in channels {
            let mac = Hmac::<Sha256>::new_from_slice(&key);
            let mac = mac.map_err(|_| StoreError::Failed("invalid key of the channels".into()))?;
            let digest = mac.chain_update(&address).finalize().into_bytes().to_vec();
            names.push(format!("{host}-{}", self.channel_number(digest).await?));
        }
        Ok(names)
    }

    async fn channel_number(&self, digest: Vec<u8>) -> Result<i64, StoreError> {
        // Otherwise PostgreSQL skips a number at each start.
        const CREATE: &str = "INSERT INTO channels (digest) SELECT $1 WHERE NOT EXISTS \
                              (SELECT 1 FROM channels WHERE digest = $1) ON CONFLICT DO NOTHING";
        const FIND: &str = "SELECT id FROM channels WHERE digest = $1";
        self.database.write(CREATE, vec![digest.clone().into()]).await?;
        let rows = self.database.read(FIND, vec![digest.into()]).await?;
        rows.first().ok_or_else(|| StoreError::Failed("missing channel".into()))?.get("id")
    }

    /// Renames the pending notifications of channels that an earlier version named otherwise.
    pub async fn rename_channels(&self, earlier: &[(String, String)]) -> Result<(), StoreError> {
        // Unless an earlier and this version have replayed the delivery.
        const RENAME: &str = "UPDATE outbox SET channel = $1 WHERE channel = $2 \
                              AND state = 'waiting' AND NOT EXISTS (SELECT 1 FROM outbox AS other \
                              WHERE other.channel = $1 AND other.delivery_id = outbox.delivery_id \
                              AND other.replay = outbox.replay)";
        for (earlier, name) in earlier {
            let values = [name, earlier].map(|name| name.clone().into());
            self.database.write(RENAME, values.to_vec()).await?;
        }
        Ok(())
    }
}
