//! What a session's own brokers give and refuse, started by the real launcher: documents, the file portal, and HTTP.

use crate::{CORE, vm_test};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use weft_ci::TestVm;
use weft_ci::device::APPD;
use weft_ci::package::{ASKS, App, probe, publisher};
use weft_ci_agent::{Command, SPEAK};

const DOCUMENTS: &str = "/state/documents";
/// The one user whose processes the launcher gives no app.
const SHELL: u32 = 103;
/// Links in the documents folder, and what somebody would like to reach by them.
const LINKS: [(&str, &str); 5] = [
    ("absolute", "/state/appd/device-key"),
    ("relative", "../appd/device-key"),
    ("folder", "/state"),
    ("magic", "/proc/self/root"),
    ("own", "letter"),
];

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("documents_are_for_those_who_were_granted_them_and_nothing_beside_them", CORE, documents),
        vm_test("the_file_portal_serves_its_session_within_the_documents", CORE, portal),
        vm_test("the_fetch_broker_connects_to_granted_addresses_only", CORE, fetch),
    ]
}

/// Launches an app of the first publisher; its session.
fn launched(vm: &mut TestVm, app: &App) -> anyhow::Result<u64> {
    vm.install(app, &publisher("first")?)?;
    vm.launch(&app.id)
}

fn documents(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let app = |name: &str, grants: &[&str]| -> anyhow::Result<App> {
        Ok(App::new(&format!("org.weft.test.{name}"), probe("files")?).grant(grants))
    };
    let writer = launched(vm, &app("writer", &["fs:rw:xdg-documents"])?)?;
    vm.done(writer, "write /xdg/documents/letter 5")?;
    let letter = vm.agent()?.stat(&format!("{DOCUMENTS}/letter"))?;
    ensure!(letter.uid >= 10_000 && letter.gid == 112, "the letter is owned wrongly: {letter:?}");

    let reader = launched(vm, &app("reader", &["fs:read:xdg-documents"])?)?;
    ensure!(vm.done(reader, "read /xdg/documents/letter")? == "xxxxx", "the other app reads something else");
    for order in
        ["write /xdg/documents/letter 1", "write /xdg/documents/new 1", "remove /xdg/documents/letter"]
    {
        vm.fails(reader, order, "")?;
    }
    let without = launched(vm, &app("without", &["fs:rw:app-data"])?)?;
    for order in ["list /xdg/documents", "read /xdg/documents/letter", "write /xdg/documents/new 1"] {
        vm.fails(without, order, "")?;
    }

    for (name, target) in LINKS {
        vm.agent()?.link(target, &format!("{DOCUMENTS}/{name}"))?;
    }
    for path in [
        "absolute",
        "relative",
        "folder/appd/device-key",
        "magic/etc/passwd",
        "../appd/device-key",
        "../../etc/passwd",
        "../../state/appd/device-key",
    ] {
        vm.fails(writer, &format!("read /xdg/documents/{path}"), "")?;
        vm.fails(writer, &format!("write /xdg/documents/{path} 3"), "")?;
    }
    vm.fails(writer, "list /xdg/documents/folder", "")?;
    let key = vm.agent()?.stat("/state/appd/device-key")?;
    ensure!(key.size == 32, "the device's key was written to: {key:?}");
    Ok(())
}

/// Says a line to the portal of a session as a user whom its folder lets pass.
fn speak(vm: &mut TestVm, session: u64, user: u32, line: &str) -> anyhow::Result<(Option<i32>, String)> {
    let socket = format!("/run/weft/appd/weft/portal-{session}.sock");
    vm.agent()?.run(Command {
        program: "/usr/bin/weft-ci-agent".to_owned(),
        arguments: vec![SPEAK.to_owned(), socket, line.to_owned()],
        user: Some(user),
        group: Some(APPD),
        environment: Vec::new(),
    })
}

fn portal(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let app = App::new("org.weft.test.portal", probe("files")?).grant(&["fs:rw:xdg-documents"]);
    let session = launched(vm, &app)?;
    vm.done(session, "write /xdg/documents/letter 5")?;
    let portal = vm.agent()?.process("weft-file-portal")?.context("there is not exactly one portal")?;
    ensure!(portal.uid == 104, "the portal runs as user {}", portal.uid);
    let user = vm.agent()?.process("weft-runtime")?.context("there is not exactly one runtime")?.uid;

    let mut ask = |user: u32, line: String| -> anyhow::Result<String> {
        let (code, output) = speak(vm, session, user, &line)?;
        ensure!(code == Some(0), "{line}: {code:?} {output}");
        Ok(output)
    };
    let read = |path: &str| format!(r#"{{"op":"read","path":"{path}"}}"#);
    let write = |path: &str| format!(r#"{{"op":"write","path":"{path}","data_b64":"eQ=="}}"#);
    let said = ask(user, read(&format!("{DOCUMENTS}/letter")))?;
    ensure!(said.contains(r#""data_b64":"eHh4eHg=""#), "{said}");
    let said = ask(user, write(&format!("{DOCUMENTS}/answer")))?;
    ensure!(said.contains(r#""ok":true"#), "{said}");
    let said = ask(user, format!(r#"{{"op":"list","path":"{DOCUMENTS}"}}"#))?;
    ensure!(said.contains(r#"["answer","letter"]"#), "{said}");

    for (name, target) in LINKS {
        vm.agent()?.link(target, &format!("{DOCUMENTS}/{name}"))?;
    }
    let outside = [
        format!("{DOCUMENTS}/absolute"),
        format!("{DOCUMENTS}/relative"),
        format!("{DOCUMENTS}/folder/appd/device-key"),
        format!("{DOCUMENTS}/magic/etc/passwd"),
        format!("{DOCUMENTS}/own"),
        format!("{DOCUMENTS}/../appd/device-key"),
        "/etc/passwd".to_owned(),
        "/proc/self/root/etc/passwd".to_owned(),
    ];
    for path in outside {
        for line in [read(&path), write(&path)] {
            let (code, said) = speak(vm, session, user, &line)?;
            ensure!(code == Some(0) && said.contains(r#""error":"#), "{line}: {said}");
        }
    }
    // Another user's process is told so, and nothing else.
    let (_, said) = speak(vm, session, SHELL, &read(&format!("{DOCUMENTS}/letter")))?;
    ensure!(said.contains("this portal serves another user"), "the portal serves a stranger: {said}");
    vm.end(session)?;
    ensure!(vm.agent()?.process("weft-file-portal")?.is_none(), "the portal outlives its session");
    Ok(())
}

/// An answer with a body.
fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn fetch(vm: &mut TestVm) -> anyhow::Result<()> {
    const GRANTED: &str = "127.0.0.1:8080";
    const REDIRECTING: &str = "127.0.0.1:8082";
    const DENIED: &str = "127.0.0.2:8081";
    vm.start_prepared()?;
    vm.agent()?.serve_http(GRANTED, &answer("200 OK", "", "hello"))?;
    let moved = answer("302 Found", &format!("Location: http://{DENIED}/\r\n"), "");
    vm.agent()?.serve_http(REDIRECTING, &moved)?;
    vm.agent()?.serve_http(DENIED, &answer("200 OK", "", "secret"))?;

    // The device's own address, named literally, although it is not public.
    let app =
        App::new("org.weft.test.named", probe("asks")?).grant(&["net:fetch:127.0.0.1"]).grant(&ASKS[1..]);
    let named = launched(vm, &app)?;
    let broker = vm.agent()?.process("weft-fetch")?.context("there is not exactly one broker")?;
    ensure!(broker.uid == 105, "the broker runs as user {}", broker.uid);
    let page = vm.done(named, &format!("fetch http://{GRANTED}/"))?;
    ensure!(page == "200 hello", "the granted host says {page}");
    let moved = vm.order(named, &format!("fetch http://{REDIRECTING}/"))?;
    ensure!(!moved.contains("secret"), "a redirect led to a denied host: {moved}");
    vm.fails(named, &format!("fetch http://{DENIED}/"), "is an address of no public host")?;
    vm.fails(named, "fetch http://localhost:8080/", "no capability net:fetch:localhost")?;
    let came = vm.agent()?.http_requests(DENIED)?;
    ensure!(came.is_empty(), "the denied host was asked: {came:?}");
    vm.end(named)?;

    // Any public host is none of these, however it is spelt.
    let app = App::new("org.weft.test.public", probe("asks")?).grant(&ASKS);
    let public = launched(vm, &app)?;
    for host in [
        "10.0.2.2",
        "127.0.0.1:8080",
        "2130706433:8080",
        "0x7f.1:8080",
        "0.0.0.0:8080",
        "169.254.1.1",
        "192.168.0.1",
        "[::1]:8080",
        "[::]:8080",
        "[::ffff:127.0.0.1]:8080",
        "[::ffff:10.0.2.2]",
        "[fe80::1]",
        "localhost:8080",
    ] {
        vm.fails(public, &format!("fetch http://{host}/"), "public")?;
    }
    let came = vm.agent()?.http_requests(GRANTED)?;
    ensure!(came.len() == 1, "a private address was asked: {came:?}");
    vm.end(public)
}
