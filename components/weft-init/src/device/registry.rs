//! Takes devices in: owner of the node, entry in the udev database, properties for the announcement.

use super::capabilities::{Bitmap, Capabilities};
use super::rules::{RULES, database_entry, rule_for};
use super::uevent::Uevent;
use crate::accounts::Accounts;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

type Properties = Vec<(String, String)>;

/// Devices that were taken in, by their path in sysfs.
#[derive(Debug, Default)]
pub struct Registry {
    known: BTreeMap<String, Properties>,
}

/// A device that was taken in.
#[derive(Debug)]
pub struct Adopted {
    /// The event's properties and the database's.
    pub properties: Properties,
    /// Node of an input device that has a power key.
    pub power_key: Option<PathBuf>,
    /// What could not be done, one sentence each.
    pub problems: Vec<String>,
}

const DATABASE: &str = "/run/udev/data";

/// Makes libudev believe in a device manager, see `udev_monitor_new_from_netlink` of libudev.
pub fn prepare_database() -> std::io::Result<()> {
    fs::create_dir_all(DATABASE)?;
    fs::write("/run/udev/control", "")
}

/// An `add` event for every device that is there already and that a rule names.
pub fn present() -> Vec<Uevent> {
    let mut events = Vec::new();
    for rule in RULES {
        let Ok(entries) = fs::read_dir(Path::new("/sys/class").join(rule.subsystem)) else {
            continue;
        };
        for entry in entries.flatten() {
            events.extend(present_device(rule.subsystem, &entry.path()));
        }
    }
    events
}

fn present_device(subsystem: &str, link: &Path) -> Option<Uevent> {
    let folder = fs::canonicalize(link).ok()?;
    let devpath = folder.strip_prefix("/sys").ok()?;
    let mut event = Uevent::parse_file(&fs::read_to_string(folder.join("uevent")).ok()?);
    rule_for(subsystem, event.get("DEVNAME")?)?;
    let heading =
        [("ACTION", "add"), ("SUBSYSTEM", subsystem)].map(|(key, value)| (key.to_owned(), value.to_owned()));
    event.properties.extend(heading);
    event.properties.push(("DEVPATH".to_owned(), format!("/{}", devpath.display())));
    Some(event)
}

impl Registry {
    /// Handles an event of the kernel; the answer goes to udev's listeners.
    pub fn adopt(&mut self, event: &Uevent, accounts: &Accounts, now: Duration) -> Adopted {
        let mut adopted =
            Adopted { properties: event.properties.clone(), power_key: None, problems: Vec::new() };
        let devpath = event.get("DEVPATH").unwrap_or_default();
        if event.get("ACTION") == Some("remove") {
            if let Some((major, minor)) = event.number() {
                let _ = fs::remove_file(database_path(major, minor));
            }
            adopted.properties.extend(self.known.remove(devpath).unwrap_or_default());
            return adopted;
        }
        let (Some(devname), Some(subsystem)) = (event.get("DEVNAME"), event.get("SUBSYSTEM")) else {
            return adopted;
        };
        let node = Path::new("/dev").join(devname);
        if let Some(rule) = rule_for(subsystem, devname) {
            let outcome = match accounts.user(rule.owner) {
                Some(user) => std::os::unix::fs::chown(&node, Some(user.uid), Some(user.gid))
                    .and_then(|()| fs::set_permissions(&node, fs::Permissions::from_mode(rule.mode)))
                    .map_err(|error| error.to_string()),
                None => Err(format!("user {} is not in /etc/passwd", rule.owner)),
            };
            adopted.problems.extend(
                outcome.err().map(|error| format!("cannot give {} its owner: {error}", node.display())),
            );
        }
        // The others have no listener here, and block devices would need entries of another name.
        let Some((major, minor)) =
            event.number().filter(|_| RULES.iter().any(|rule| rule.subsystem == subsystem))
        else {
            return adopted;
        };
        let initialised = now.as_micros();
        let mut properties = Properties::new();
        if subsystem == "input" {
            let capabilities = read_capabilities(&Path::new("/sys").join(devpath.trim_start_matches('/')));
            properties
                .extend(capabilities.properties().into_iter().map(|key| (key.to_owned(), "1".to_owned())));
            if capabilities.has_power_key() && devname.starts_with("input/event") {
                adopted.power_key = Some(node);
            }
        }
        let path = database_path(major, minor);
        if let Err(error) = fs::write(&path, database_entry(initialised, &properties)) {
            adopted.problems.push(format!("cannot write {}: {error}", path.display()));
        }
        self.known.insert(devpath.to_owned(), properties.clone());
        adopted.properties.extend(properties);
        adopted.properties.push(("USEC_INITIALIZED".to_owned(), initialised.to_string()));
        adopted
    }
}

/// All nodes of interest here are character devices.
fn database_path(major: u32, minor: u32) -> PathBuf {
    Path::new(DATABASE).join(format!("c{major}:{minor}"))
}

/// The bitmaps lie with the parent of the event node.
fn read_capabilities(event_node: &Path) -> Capabilities {
    let device = event_node.join("device");
    let read = |name: &str| Bitmap::parse(&fs::read_to_string(device.join(name)).unwrap_or_default());
    Capabilities {
        ev: read("capabilities/ev"),
        key: read("capabilities/key"),
        rel: read("capabilities/rel"),
        abs: read("capabilities/abs"),
        props: read("properties"),
    }
}
