//! weft-netd on a network of its own, of namespaces: see `lab`. Without root each test says why it is skipped.

mod device;
mod lab;
mod servers;

use device::{BUILT, Clock, Device, has};
use dhcproto::v4::{DhcpOption, MessageType, OptionCode};
use lab::{Lab, lab};
use servers::{DhcpServer, Policy, start_router, start_time_server};
use std::net::Ipv4Addr;
use std::time::Duration;
use weft_ipc::network::Clock as ClockState;

/// Cables between namespaces are no cards: they are taken only by name.
const DHCP: &str = "[[link]]\nmatch = 'eth0'\n";
const ADDRESS: &str = "10.77.0.50/24";

fn device(lab: &Lab, config: &str) -> Device {
    Device::start(&lab.device, config, Clock::at(BUILT + 1))
}

#[test]
fn a_lease_is_used_renewed_and_given_back() {
    let Some(lab) = lab("a_lease_is_used_renewed_and_given_back") else { return };
    // The kernel would end a shorter one before a busy machine has looked.
    let server = DhcpServer::start(&lab.network, Policy { lease: 12, ..Policy::default() });
    let mut device = device(&lab, DHCP);
    assert!(device.wait_address(ADDRESS).online);
    assert!(lab.device.ip("-4 addr show eth0").contains(ADDRESS));
    let route = lab.device.ip("route show default");
    assert!(route.contains("via 10.77.0.1") && route.contains("proto dhcp"), "{route}");
    assert!(device.file("resolv.conf").contains("nameserver 10.77.0.53\n"));

    let renewal = server.wait_for(|heard| !heard.message.ciaddr().is_unspecified());
    assert_eq!(
        (renewal.kind, renewal.message.ciaddr()),
        (MessageType::Request, Ipv4Addr::new(10, 77, 0, 50))
    );
    server.wait_for(|heard| heard.kind == MessageType::Request && !heard.message.ciaddr().is_unspecified());
    device.stop();
    let release = server.wait(MessageType::Release);
    assert_eq!(release.message.ciaddr(), Ipv4Addr::new(10, 77, 0, 50));
    assert!(!lab.device.ip("-4 addr show eth0").contains(ADDRESS));
    assert_eq!(lab.device.ip("route show default"), "");
}

#[test]
fn a_lost_lease_is_given_up_and_another_server_gives_the_next() {
    let Some(lab) = lab("a_lost_lease_is_given_up_and_another_server_gives_the_next") else { return };
    let server = DhcpServer::start(&lab.network, Policy::default());
    let device = device(&lab, DHCP);
    device.wait_address(ADDRESS);
    server.change(|policy| policy.silent = true);
    let lost = device.wait("no address", |status| !status.online && !has(status, |_| true));
    assert!(lost.links[0].carrier, "the cable is still in");
    assert!(!device.file("resolv.conf").contains("nameserver"));
    assert!(!lab.device.ip("-4 addr show eth0").contains(ADDRESS));
    server.change(|policy| {
        policy.silent = false;
        policy.server = Ipv4Addr::new(10, 77, 0, 2);
        policy.address = Ipv4Addr::new(10, 77, 0, 60);
    });
    device.wait_address("10.77.0.60/24");
}

#[test]
fn a_server_that_takes_the_address_back_is_obeyed() {
    let Some(lab) = lab("a_server_that_takes_the_address_back_is_obeyed") else { return };
    let server = DhcpServer::start(&lab.network, Policy::default());
    let device = device(&lab, DHCP);
    device.wait_address(ADDRESS);
    server.change(|policy| policy.refuse = true);
    device.wait("no address", |status| !has(status, |_| true));
    server.change(|policy| {
        policy.refuse = false;
        policy.address = Ipv4Addr::new(10, 77, 0, 61);
    });
    device.wait_address("10.77.0.61/24");
    assert!(!lab.device.ip("-4 addr show eth0").contains(ADDRESS));
}

#[test]
fn an_address_that_another_card_has_is_declined() {
    let Some(lab) = lab("an_address_that_another_card_has_is_declined") else { return };
    lab.network.ip("addr add 10.77.0.50/24 dev srv0");
    let server = DhcpServer::start(&lab.network, Policy::default());
    let device = device(&lab, DHCP);
    let decline = server.wait(MessageType::Decline);
    let declined = decline.message.opts().get(OptionCode::RequestedIpAddress).cloned();
    assert_eq!(declined, Some(DhcpOption::RequestedIpAddress(Ipv4Addr::new(10, 77, 0, 50))));
    assert!(!lab.device.ip("-4 addr show eth0").contains(ADDRESS));
    server.change(|policy| policy.address = Ipv4Addr::new(10, 77, 0, 62));
    device.wait_address("10.77.0.62/24");
}

#[test]
fn a_card_that_is_pulled_out_and_put_back_has_its_address_again() {
    let Some(lab) = lab("a_card_that_is_pulled_out_and_put_back_has_its_address_again") else { return };
    let server = DhcpServer::start(&lab.network, Policy { lease: 3600, ..Policy::default() });
    let device = device(&lab, DHCP);
    device.wait_address(ADDRESS);
    lab.network.ip("link set srv0 down");
    let out = device.wait("no cable", |status| status.links.iter().all(|link| !link.carrier));
    assert!(!out.online && !has(&out, |_| true));
    lab.network.ip("link set srv0 up");
    device.wait_address(ADDRESS);
    let again = server.wait_for(|heard| {
        heard.message.opts().get(OptionCode::ServerIdentifier).is_none() && heard.kind == MessageType::Request
    });
    assert!(again.message.ciaddr().is_unspecified(), "the address of before is asked for");

    lab.network.ip("link del srv0");
    device.wait("no card", |status| status.links.is_empty());
    lab.plug();
    let _server = DhcpServer::start(&lab.network, Policy { lease: 3600, ..Policy::default() });
    device.wait_address(ADDRESS);
}

#[test]
fn noise_before_every_answer_changes_nothing() {
    let Some(lab) = lab("noise_before_every_answer_changes_nothing") else { return };
    let mut noise: Vec<Vec<u8>> = (0..600).step_by(6).map(|length| vec![2; length]).collect();
    noise.push(vec![0xff; 9000]);
    // An answer's beginning, with options whose lengths lie.
    let mut lying = vec![2, 1, 6, 0];
    lying.resize(236, 0);
    lying.extend([99, 130, 83, 99, 53, 255, 2, 121, 250]);
    noise.push(lying);
    let _server = DhcpServer::start(&lab.network, Policy { noise, ..Policy::default() });
    let device = device(&lab, DHCP);
    device.wait_address(ADDRESS);
}

#[test]
fn routers_give_an_address_and_a_name_server() {
    let Some(lab) = lab("routers_give_an_address_and_a_name_server") else { return };
    start_router(&lab.network);
    let device = device(&lab, "[[link]]\nmatch = 'eth0'\ndhcp = false\n");
    let status = device.wait("an IPv6 address", |status| has(status, |one| one.starts_with("2001:db8:77:")));
    assert!(status.online, "{status:?}");
    // The name server comes by another way than the address.
    let limit = std::time::Instant::now() + servers::LIMIT;
    while !device.file("resolv.conf").contains("nameserver 2001:db8:77::53\n") {
        assert!(std::time::Instant::now() < limit, "{}", device.file("resolv.conf"));
        std::thread::yield_now();
    }
}

#[test]
fn static_addresses_need_no_server() {
    let Some(lab) = lab("static_addresses_need_no_server") else { return };
    let config = "[dns]\nservers = ['10.77.0.54']\n[[link]]\nmatch = 'eth0'\n\
                  addresses = ['10.77.0.70/24', '2001:db8:78::70/64']\ngateways = ['10.77.0.1']\n";
    let device = device(&lab, config);
    let status = device.wait("both addresses", |status| {
        has(status, |one| one == "10.77.0.70/24") && has(status, |one| one == "2001:db8:78::70/64")
    });
    assert!(status.online);
    assert!(lab.device.ip("route show default").contains("via 10.77.0.1"));
    assert!(device.file("resolv.conf").contains("nameserver 10.77.0.54\n"));
    lab.network.ip("link set srv0 down");
    device.wait("no address", |status| !has(status, |_| true));
}

#[test]
fn the_networks_time_server_sets_the_clock_and_the_time_is_kept() {
    let Some(lab) = lab("the_networks_time_server_sets_the_clock_and_the_time_is_kept") else { return };
    let right = BUILT + 40 * 86_400;
    let _server =
        DhcpServer::start(&lab.network, Policy { time_server: true, lease: 3600, ..Policy::default() });
    start_time_server(&lab.network, Duration::from_secs(right));
    // A hardware clock with an empty battery.
    let mut device = Device::start(&lab.device, DHCP, Clock::at(3));
    device.wait("the network's time", |status| status.clock == ClockState::Network);
    assert_eq!(device.clock.first_set(), Some(BUILT), "it begins there");
    assert!((right..right + 60).contains(&device.clock.seconds()), "it is {}", device.clock.seconds());
    device.stop();
    let kept: u64 = device.file("seen").trim().parse().unwrap();
    assert!((right..right + 60).contains(&kept), "{kept} was kept");
}

#[test]
fn one_time_server_of_several_does_not_confirm_itself() {
    let Some(lab) = lab("one_time_server_of_several_does_not_confirm_itself") else { return };
    let _server =
        DhcpServer::start(&lab.network, Policy { time_server: true, lease: 3600, ..Policy::default() });
    // The other one is kept from answering.
    let asked = start_time_server(&lab.network, Duration::from_secs(BUILT + 14 * 365 * 86_400));
    let config = format!("{DHCP}\n[time]\nservers = ['10.77.0.99']\n");
    let mut device = Device::start(&lab.device, &config, Clock::at(3));
    let limit = std::time::Instant::now() + servers::LIMIT;
    while asked.load(std::sync::atomic::Ordering::SeqCst) < 5 {
        assert!(std::time::Instant::now() < limit, "the time server is not asked again");
        std::thread::yield_now();
    }
    device.stop();
    assert!((BUILT..BUILT + 600).contains(&device.clock.seconds()), "it is {}", device.clock.seconds());
    let kept: u64 = device.file("seen").trim().parse().unwrap();
    assert!((BUILT..BUILT + 600).contains(&kept), "{kept} was kept");
}
