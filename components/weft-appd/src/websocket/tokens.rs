//! What proves to the WebSocket who somebody is: one secret for the system and one for each session, in files that only this user reads.

use crate::sessions::SessionId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use subtle::ConstantTimeEq;
use weft_ipc::websocket::Hello;

/// The system's token.
const SYSTEM_FILE: &str = "appd.systoken";
/// A session's: this and its number.
const APP_FILE: &str = "appd.apptoken-";

/// All tokens; new ones with each start of appd.
#[derive(Debug)]
pub struct Tokens {
    folder: PathBuf,
    system: String,
    apps: Mutex<BTreeMap<SessionId, String>>,
}

impl Tokens {
    /// Writes the system's token into `folder`, and removes what an earlier appd left there.
    pub fn new(folder: &Path) -> Result<Self, weft_file::Error> {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(APP_FILE)) {
                // At worst a file with a token that opens nothing stays.
                let _ = std::fs::remove_file(entry.path());
            }
        }
        let system = token();
        weft_file::write_atomic(&folder.join(SYSTEM_FILE), system.as_bytes(), 0o600)?;
        Ok(Self { folder: folder.to_owned(), system, apps: Mutex::default() })
    }

    /// A session begins.
    pub fn open(&self, session: SessionId) {
        let token = token();
        if let Err(error) = weft_file::write_atomic(&self.file(session), token.as_bytes(), 0o600) {
            return tracing::warn!("session {session} cannot be spoken to by WebSocket, ignoring: {error}");
        }
        self.apps.lock().unwrap_or_else(PoisonError::into_inner).insert(session, token);
    }

    /// A session is over.
    pub fn close(&self, session: SessionId) {
        if self.apps.lock().unwrap_or_else(PoisonError::into_inner).remove(&session).is_some() {
            // The token opens nothing any more.
            let _ = std::fs::remove_file(self.file(session));
        }
    }

    /// Whether it is who it says. Takes the same time wherever the tokens differ.
    pub fn admit(&self, hello: &Hello) -> bool {
        let same = |one: &str, other: &str| bool::from(one.as_bytes().ct_eq(other.as_bytes()));
        match hello {
            Hello::System { token } => same(&self.system, token),
            Hello::App { session_id, token } => {
                let apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
                apps.get(session_id).is_some_and(|own| same(own, token))
            }
        }
    }

    fn file(&self, session: SessionId) -> PathBuf {
        self.folder.join(format!("{APP_FILE}{session}"))
    }
}

/// 256 random bits in hex.
fn token() -> String {
    let mut bytes = [0; 32];
    // So few bytes are never short (getrandom(2)), and the kernel's generator is seeded long before appd starts.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_opens_its_own_role_and_only_while_its_session_lives() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(folder.path()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let mode = folder.path().join(SYSTEM_FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        tokens.open(3);
        tokens.open(4);
        let (system, three) = (read(SYSTEM_FILE), read("appd.apptoken-3"));
        assert_eq!(system.len(), 64);
        let as_system = |token: &str| tokens.admit(&Hello::System { token: token.to_owned() });
        let as_app =
            |session_id, token: &str| tokens.admit(&Hello::App { session_id, token: token.to_owned() });
        assert!(as_system(&system) && as_app(3, &three));
        assert!(!as_system(&three) && !as_app(3, &system) && !as_app(4, &three) && !as_app(5, &three));
        assert!(!as_system("") && !as_system(&system[1..]) && !as_system(&format!("{system}0")));
        tokens.close(3);
        assert!(!as_app(3, &three) && !folder.path().join("appd.apptoken-3").exists());

        let again = Tokens::new(folder.path()).unwrap();
        assert!(!again.admit(&Hello::System { token: system }), "new with each start");
        assert!(!folder.path().join("appd.apptoken-4").exists());
    }
}
