//! The launcher as appd meets it: over its socket, as root with the capabilities of its service file and no other. Skipped without root.

mod client;

use client::{Client, Service};
use weft_ipc::launcher::{Access, Kind, Request, Response, Spawn};

/// What it shows, and how.
type Test = (&'static str, fn(&Service));

fn main() {
    if let Some(folder) = std::env::args().nth(1).filter(|argument| argument.starts_with('/')) {
        return client::serve(folder.as_ref());
    }
    if !rustix::process::geteuid().is_root() {
        println!("requests to the launcher: skipped, only root may give processes other users");
        return;
    }
    let tests: [Test; 8] = [
        ("an app has its own user and data", an_app_has_its_own_user_and_data),
        ("what is not offered is refused", what_is_not_offered_is_refused),
        ("read-only is read-only", read_only_is_read_only),
        ("ends are told", ends_are_told),
        ("nothing outlives the connection", nothing_outlives_the_connection),
        ("nonsense ends the connection", nonsense_ends_the_connection),
        ("a process starts in its cgroup", a_process_starts_in_its_cgroup),
        ("strangers are not served", strangers_are_not_served),
    ];
    for (name, test) in tests {
        let service = Service::start();
        test(&service);
        println!("{name}: ok");
    }
}

fn spawn(app: &str, arguments: &[&str]) -> Spawn {
    Spawn {
        id: 1,
        kind: Kind::Runtime,
        app_id: app.to_owned(),
        session_id: 1,
        arguments: arguments.iter().map(|argument| argument.to_string()).collect(),
        environment: vec![("WEFT_LOG".into(), "info".into())],
        data: Access::Rw,
        documents: Access::None,
        readable: vec![],
        display: false,
        fds: vec![1],
        cgroup: false,
    }
}

fn an_app_has_its_own_user_and_data(service: &Service) {
    let mut client = service.connect();
    let own = service.path("app-data/org.weft.a/note");
    let said = client.run(spawn("org.weft.a", &["write", &own]));
    assert!(said.contains("Uid: 10000 10000 10000 10000\nGid: 10000 "), "{said}");
    assert!(said.contains("CapEff: 0000000000000000\nCapBnd: 0000000000000000\n"), "{said}");
    assert!(said.contains("write Ok"), "{said}");
    // Another one does not even see that there are others.
    let said = client.run(spawn("org.weft.b", &["list", &service.path("app-data")]));
    assert!(said.contains("Uid: 10001"), "{said}");
    assert!(
        said.contains(r#"list Ok(["org.weft.b"])"#) || said.contains("list Err(PermissionDenied)"),
        "{said}"
    );
    let said = client.run(spawn("org.weft.b", &["write", &own]));
    assert!(said.contains("write Err"), "{said}");
    // Its own user stays its own over a restart of the service.
    drop(client);
    let again = service.restart();
    let said = again.connect().run(spawn("org.weft.a", &["list", &service.path("app-data/org.weft.a")]));
    assert!(said.contains("Uid: 10000 ") && said.contains(r#"list Ok(["note"])"#), "{said}");
}

fn what_is_not_offered_is_refused(service: &Service) {
    let mut client = service.connect();
    let mut refused = |what: &str, change: &dyn Fn(&mut Spawn)| {
        let mut spawn = spawn("org.weft.a", &[]);
        change(&mut spawn);
        let answer = client.ask(&Request::Spawn(spawn), &[client::pipe().1.into()]);
        assert!(matches!(answer, Response::Refused { id: 1, .. }), "{what}: {answer:?}");
    };
    refused("an id that is a path", &|spawn| spawn.app_id = "../../etc".into());
    refused("another app's data", &|spawn| spawn.readable = vec![service.path("app-data/org.weft.b")]);
    refused("a way around", &|spawn| spawn.readable = vec![service.path("packages/../app-data/org.weft.b")]);
    refused("the whole system", &|spawn| spawn.readable = vec!["/".into()]);
    refused("a link to elsewhere", &|spawn| {
        let link = service.path("packages/link");
        let _ = std::os::unix::fs::symlink("/etc", &link);
        spawn.readable = vec![link + "/ssl"];
    });
    refused("a package that is not there", &|spawn| spawn.readable = vec![service.path("packages/none")]);
    refused("the dynamic linker", &|spawn| spawn.environment = vec![("LD_PRELOAD".into(), "/x.so".into())]);
    refused("data for a page", &|spawn| spawn.kind = Kind::AppShell);
    refused("a display for a component", &|spawn| spawn.display = true);
    refused("documents for the network", &|spawn| {
        (spawn.kind, spawn.data, spawn.documents) = (Kind::Fetch, Access::None, Access::Ro);
    });
}

fn read_only_is_read_only(service: &Service) {
    let mut client = service.connect();
    let own = service.path("app-data/org.weft.a/note");
    let said = client.run(Spawn { data: Access::Ro, ..spawn("org.weft.a", &["write", &own]) });
    assert!(said.contains("write Err"), "{said}");
    let package = service.path("packages/org.weft.a");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.clone() + "/wapp.toml", "x").unwrap();
    let shown =
        |arguments: &[&str]| Spawn { readable: vec![package.clone()], ..spawn("org.weft.a", arguments) };
    let said = client.run(shown(&["list", &package]));
    assert!(said.contains(r#"list Ok(["wapp.toml"])"#), "{said}");
    let said = client.run(shown(&["write", &(package.clone() + "/wapp.toml")]));
    assert!(said.contains("write Err"), "{said}");
}

fn ends_are_told(service: &Service) {
    let mut client = service.connect();
    // Kept open: the process would fail for its lost output otherwise.
    let _output = client.start(spawn("org.weft.a", &["fail"]));
    assert_eq!(client.next(), Response::Exited { id: 1, code: Some(7), signal: None });
    let mut output = client.start(spawn("org.weft.a", &["wait"]));
    client::read_until(&mut output, "waiting");
    let same = client.ask(&Request::Spawn(spawn("org.weft.a", &[])), &[client::pipe().1.into()]);
    assert!(matches!(same, Response::Refused { .. }), "two processes of one number: {same:?}");
    let answer = client.ask(&Request::Kill { id: 1 }, &[]);
    assert_eq!(answer, Response::Exited { id: 1, code: None, signal: Some(9) });
}

fn nothing_outlives_the_connection(service: &Service) {
    let mut client = service.connect();
    let mut output = client.start(spawn("org.weft.a", &["wait"]));
    client::read_until(&mut output, "waiting");
    drop(client);
    client::read_to_end(&mut output);
    // The service goes on.
    assert!(service.connect().run(spawn("org.weft.a", &["hello"])).contains("hello"));
    // Nor the service itself.
    let mut client = service.connect();
    let mut output = client.start(spawn("org.weft.a", &["wait"]));
    client::read_until(&mut output, "waiting");
    service.kill();
    client::read_to_end(&mut output);
}

fn nonsense_ends_the_connection(service: &Service) {
    for packet in [&b"\xff\xff"[..], b"{}", &[0x90; 70_000]] {
        let client = service.connect();
        client.send_raw(packet);
        assert!(client.ended(), "{packet:?}");
    }
    let client = service.connect();
    client.send_raw(&weft_ipc::launcher::encode(&Request::Spawn(spawn("org.weft.a", &[]))).unwrap());
    assert!(client.ended(), "a request without its descriptor");
    assert!(service.connect().run(spawn("org.weft.a", &["hello"])).contains("hello"));
}

fn a_process_starts_in_its_cgroup(service: &Service) {
    let Some(cgroup) = client::Cgroup::new() else {
        println!("a process starts in its cgroup: skipped, no cgroup v2 can be made here");
        return;
    };
    let mut client: Client = service.connect();
    let (mut output, writer) = client::pipe();
    let request = Spawn { cgroup: true, ..spawn("org.weft.a", &["wait"]) };
    let answer = client.ask(&Request::Spawn(request), &[writer.into(), cgroup.open()]);
    let Response::Spawned { pid, .. } = answer else { panic!("{answer:?}") };
    client::read_until(&mut output, "waiting");
    assert!(cgroup.processes().lines().any(|line| line == pid.to_string()), "{} {pid}", cgroup.processes());
    client.ask(&Request::Kill { id: 1 }, &[]);
}

fn strangers_are_not_served(service: &Service) {
    let client = service.connect_as(4242);
    assert!(client.ended());
}
