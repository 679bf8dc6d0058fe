//! What clients of appd are told while apps are installed, updated and removed by somebody else.

mod harness;

use harness::{Appd, Client, places};
use weft_ipc::appd::{InstalledApp, Response};
use weft_package::Store;

const APP: &str = "org.weft.test";

/// The version of the test app in the next list of apps in which it is as `expected`.
fn wait_for_version(client: &mut Client, what: &str, expected: impl Fn(Option<&str>) -> bool) {
    client.expect(what, |response| {
        let Response::InstalledApps { apps } = response else { return None };
        let found = |app: &&InstalledApp| app.app_id == APP;
        expected(apps.iter().find(found).map(|app| app.version.as_str())).then_some(())
    });
}

#[test]
fn everybody_is_told_of_apps_that_come_change_and_go_without_asking() {
    let appd = Appd::start_fake(&[]);
    let mut client = appd.client();
    // Only after an answer is it sure that appd serves, and so that it watches.
    client.send(&weft_ipc::appd::Request::QueryRunning);
    client.next();

    appd.install(APP, "", "wait");
    wait_for_version(&mut client, "the new app", |version| version == Some("1.0.0"));
    appd.install(APP, "", "wait");
    wait_for_version(&mut client, "the update", |version| version == Some("1.0.1"));
    let places = places(appd.folder.path());
    Store::new(&places).rollback(&APP.parse().unwrap()).unwrap();
    wait_for_version(&mut client, "the version before", |version| version == Some("1.0.0"));
    Store::new(&places).uninstall(&APP.parse().unwrap(), false).unwrap();
    wait_for_version(&mut client, "the removal", |version| version.is_none());
}
