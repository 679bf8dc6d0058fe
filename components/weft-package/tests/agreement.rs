//! What the audit says about a component is what the runtime does with it: the same pairs of grants and imports, asked of both.

use std::path::Path;
use weft_component::{Grants, imports};
use weft_manifest::Manifest;
use weft_package::component::Import;
use weft_package::reach::Reach;

const GRANTS: [&str; 15] = [
    "",
    "fs:rw:app-data",
    "fs:read:xdg-documents",
    "net:fetch",
    "net:fetch:example.org",
    "net:tcp:example.org:443",
    "net:listen:8080",
    "sys:notifications",
    "sys:clipboard:read",
    "sys:clipboard:write",
    "sys:supervisor",
    "app:send:org.example.other",
    "wasi:clock",
    "wasi:env",
    "wasi:stdio",
];

const IMPORTS: [(&str, &[&str]); 40] = [
    ("weft:app/ipc@0.2.0", &["send"]),
    ("weft:app/inbox@0.2.0", &["receive"]),
    ("weft:app/messages@0.2.0", &["send"]),
    ("weft:app/fetch@0.1.0", &["fetch"]),
    ("weft:app/notifications@0.2.0", &["notify"]),
    ("weft:app/clipboard@0.2.0", &["read"]),
    ("weft:app/clipboard@0.2.0", &["write"]),
    ("weft:app/clipboard@0.2.0", &["read", "write"]),
    ("weft:app/clipboard-read@0.2.0", &["read"]),
    ("weft:app/clipboard-write@0.2.0", &["write"]),
    ("weft:app/supervisor@0.2.0", &["apps"]),
    ("weft:app/other@0.2.0", &["call"]),
    ("wasi:io/error@0.2.0", &["[method]error.to-debug-string"]),
    ("wasi:io/poll@0.2.6", &["poll"]),
    ("wasi:io/streams@0.2.0", &["[method]input-stream.read"]),
    ("wasi:cli/environment@0.2.0", &["get-environment"]),
    ("wasi:cli/exit@0.2.0", &["exit"]),
    ("wasi:cli/stdin@0.2.0", &["get-stdin"]),
    ("wasi:cli/stdout@0.2.0", &["get-stdout"]),
    ("wasi:cli/stderr@0.2.0", &["get-stderr"]),
    ("wasi:cli/terminal-input@0.2.0", &[]),
    ("wasi:cli/terminal-stdout@0.2.0", &["get-terminal-stdout"]),
    ("wasi:filesystem/types@0.2.0", &["[method]descriptor.stat"]),
    ("wasi:filesystem/preopens@0.2.0", &["get-directories"]),
    ("wasi:clocks/wall-clock@0.2.0", &["now"]),
    ("wasi:clocks/monotonic-clock@0.2.0", &["now"]),
    ("wasi:clocks/timezone@0.2.0", &["display"]),
    ("wasi:random/random@0.2.0", &["get-random-u64"]),
    ("wasi:random/insecure@0.2.0", &["get-insecure-random-u64"]),
    ("wasi:random/insecure-seed@0.2.0", &["insecure-seed"]),
    ("wasi:sockets/network@0.2.0", &["network-error-code"]),
    ("wasi:sockets/network@0.2.0", &[]),
    ("wasi:sockets/instance-network@0.2.0", &["instance-network"]),
    ("wasi:sockets/ip-name-lookup@0.2.0", &["resolve-addresses"]),
    ("wasi:sockets/tcp@0.2.0", &["[method]tcp-socket.start-bind"]),
    ("wasi:sockets/tcp@0.2.0", &[]),
    ("wasi:sockets/tcp-create-socket@0.2.0", &["create-tcp-socket"]),
    ("wasi:sockets/udp@0.2.0", &["[method]udp-socket.start-bind"]),
    ("wasi:sockets/udp@0.2.0", &[]),
    ("wasi:http/outgoing-handler@0.2.0", &["handle"]),
];

/// Ways to write the rest of the manifest.
const EXTRAS: [(&str, &str); 4] = [("", ""), ("wasi:clock", ""), ("wasi:stdio", ""), ("", "wasi:sockets")];

fn manifest(grant: &str, denied: &str, unused: &str) -> Manifest {
    let list = |text: &str| if text.is_empty() { String::new() } else { format!("\"{text}\"") };
    let text = format!(
        "[package]\nid = \"org.example.clock\"\nname = \"Clock\"\nversion = \"1.0.0\"\ncapabilities = [{}]\ndenied = [{}]\n\
         [runtime]\nmodule = \"app.wasm\"\nunused = [{}]\n",
        list(grant),
        list(denied),
        list(unused)
    );
    Manifest::parse(&text, Path::new("wapp.toml")).unwrap()
}

#[test]
fn audit_and_runtime_agree_about_every_pair() {
    let notify = ("weft:app/notify@0.2.0", &["ready"][..]);
    for (denied, unused) in EXTRAS {
        for grant in GRANTS.into_iter().filter(|grant| *grant != denied || denied.is_empty()) {
            for import in IMPORTS {
                let manifest = manifest(grant, denied, unused);
                let both = [notify, import];
                let ours = both.map(|(name, functions)| Import {
                    name: name.to_owned(),
                    functions: functions.iter().map(|function| (*function).to_owned()).collect(),
                });
                let theirs = both.map(|(name, functions)| imports::Import {
                    name: name.to_owned(),
                    functions: functions.iter().map(|function| (*function).to_owned()).collect(),
                    resources: Vec::new(),
                });
                let audit = Reach::new(&manifest, ours.to_vec()).disagreements;
                let grants = Grants {
                    capabilities: manifest.capabilities,
                    denied: manifest.denied,
                    unused: manifest.unused,
                    command: false,
                };
                let runtime = imports::check(&theirs, Path::new("app.wasm"), &grants);
                assert_eq!(
                    audit.is_empty(),
                    runtime.is_ok(),
                    "grant {grant:?}, denied {denied:?}, unused {unused:?}, import {import:?}: audit {audit:?}, runtime {runtime:?}"
                );
            }
        }
    }
}
