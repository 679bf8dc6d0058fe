use super::*;

#[test]
fn a_confined_service_is_started_by_the_confiner_for_its_user() {
    let text = "exec=['/usr/bin/x','-y']\nuser='a'\nconfine='compositor'\n";
    let service = crate::service_file::parse("t.toml", "t", text).unwrap();
    let command = command(&service, 101, 102, &[Gid::from_raw(102), Gid::from_raw(110)]);
    let line =
        "/usr/bin/weft-launcher confine compositor --uid 101 --gid 102 --groups 102,110 -- /usr/bin/x -y";
    assert_eq!(command.join(" "), line);
    assert_eq!(kept(&service, 101), None);
}

#[test]
fn only_root_keeps_capabilities_and_only_those_that_are_listed() {
    let service = |text: &str| crate::service_file::parse("t.toml", "t", text).unwrap();
    assert_eq!(kept(&service("exec=['/x']\nuser='a'"), 101), Some(CapabilitySet::empty()));
    assert_eq!(kept(&service("exec=['/x']\ncapabilities=['CAP_CHOWN']"), 0), Some(CapabilitySet::CHOWN));
    assert_eq!(kept(&service("exec=['/x']\ncapabilities=[]"), 0), Some(CapabilitySet::empty()));
    assert_eq!(kept(&service("exec=['/x']"), 0), None);
}

#[test]
fn a_service_cannot_lose_its_notify_socket_by_accident() {
    let text = "exec=['/x']\nreadiness='notify'\nwatchdog_secs=2\n[environment]\nWEFT_LOG='debug'\n";
    let service = crate::service_file::parse("t.toml", "t", text).unwrap();
    let variables = environment(&service, "/home", 0);
    assert_eq!(variables["NOTIFY_SOCKET"], NOTIFY_SOCKET);
    assert_eq!(variables["WATCHDOG_USEC"], "2000000");
    assert_eq!(variables["WEFT_LOG"], "debug");
    assert!(!variables.contains_key("LISTEN_FDS"));
}
