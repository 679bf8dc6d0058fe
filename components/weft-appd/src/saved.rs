//! The apps that come back when appd is started again: a JSON array of app ids.

use std::path::Path;
use weft_manifest::AppId;

/// The saved apps; none where nothing was saved. A damaged file is no reason not to start.
pub fn load(path: &Path) -> Vec<AppId> {
    let ids: Vec<String> = match std::fs::read(path).map(|text| serde_json::from_slice(&text)) {
        Ok(Ok(ids)) => ids,
        Ok(Err(error)) => {
            tracing::warn!("{} is damaged, ignoring: {error}", path.display());
            Vec::new()
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            tracing::warn!("cannot read {}, ignoring: {error}", path.display());
            Vec::new()
        }
    };
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}

pub fn save(path: &Path, apps: &[AppId]) {
    let ids: Vec<&str> = apps.iter().map(AppId::as_str).collect();
    let text = serde_json::Value::from(ids).to_string();
    // A folder that cannot be made shows as a file that cannot be written.
    let _ = path.parent().map(std::fs::create_dir_all);
    if let Err(error) = weft_file::write_atomic(path, text.as_bytes(), 0o600) {
        tracing::warn!("the running apps are not remembered, ignoring: {error}");
    }
}
