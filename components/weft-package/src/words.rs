//! Capabilities as a person reads them.

use weft_manifest::Capability;

/// What an app may do with a capability; completes "it may …".
pub fn describe(capability: &Capability) -> String {
    match capability {
        Capability::AppData { write: true } => "keep data of its own (/data)".to_owned(),
        Capability::AppData { write: false } => "read data of its own (/data)".to_owned(),
        Capability::Documents { write: true } => {
            "read, change and delete everything in the documents folder (/xdg/documents)".to_owned()
        }
        Capability::Documents { write: false } => {
            "read everything in the documents folder (/xdg/documents)".to_owned()
        }
        Capability::Fetch { host: None } => "exchange data with any public host over HTTP".to_owned(),
        Capability::Fetch { host: Some(host) } => format!("exchange data with {} over HTTP", host.as_str()),
        Capability::Tcp { host, port } => format!("open TCP connections to {} port {port}", host.as_str()),
        Capability::Listen { port } => format!("accept TCP connections on port {port}"),
        Capability::Notifications => "show notifications".to_owned(),
        Capability::ClipboardRead => "read the clipboard, whatever was copied there".to_owned(),
        Capability::ClipboardWrite => "replace what is in the clipboard".to_owned(),
        Capability::Supervisor => {
            "list, start, stop and watch all other apps, and read how they crashed".to_owned()
        }
        Capability::Send { to } => format!("send messages to the app {to}"),
        Capability::Clock => "read the time".to_owned(),
        Capability::Random => "get random numbers".to_owned(),
        Capability::Env => "read environment variables that are set for it".to_owned(),
        Capability::Stdio => "write to the system's log".to_owned(),
        Capability::Gpu { render: false } => "compute on the graphics processor".to_owned(),
        Capability::Gpu { render: true } => "draw with the graphics processor".to_owned(),
        Capability::Serial { number } => format!("use the serial port {number}"),
        Capability::Gpio { number } => format!("use the GPIO line {number}"),
    }
}

/// The sentence about an update that asks for more.
pub(crate) fn difference(id: &str, version: &str, installed: &str, added: &[Capability]) -> String {
    let added: Vec<String> =
        added.iter().map(|capability| format!("{} ({capability})", describe(capability))).collect();
    format!(
        "{id} {version} asks for more than {installed} was allowed: to {}; allow it with `weft-pack approve {id}` and install it again, \
         or install it with --approve",
        list(&added)
    )
}

fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{}, and to {last}", first.join(", to ")),
    }
}
