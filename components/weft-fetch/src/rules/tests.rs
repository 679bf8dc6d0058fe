use super::*;

fn rules(any_public: bool, hosts: &[&str]) -> Rules {
    Rules::new(any_public, &hosts.iter().map(|host| host.parse().unwrap()).collect::<Vec<_>>())
}

fn refusal(rules: &Rules, url: &str) -> Refusal {
    rules.check(url).expect_err(url)
}

#[test]
fn a_named_host_is_reached_however_it_is_spelled_and_no_other_is() {
    let rules = rules(false, &["example.org", "xn--bcher-kva.example", "198.51.100.7"]);
    for (url, asked) in [
        ("https://example.org", "https://example.org/"),
        ("HTTPS://EXAMPLE.org:443/a?b#c", "https://example.org/a?b"),
        ("http://exam%70le.org:8080/", "http://example.org:8080/"),
        ("http://ｅｘａｍｐｌｅ.org/", "http://example.org/"),
        ("http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC"),
        ("http://198.51.100.7/", "http://198.51.100.7/"),
        ("http://0xc6336407/", "http://198.51.100.7/"),
    ] {
        assert_eq!(rules.check(url).unwrap().0.as_str(), asked, "{url}");
    }
    for url in [
        "http://evil.org/",
        "http://example.org.evil.org/",
        "http://sub.example.org/",
        "http://example.org./",
        "http://evilexample.org/",
        "http://example.org%2eevil.org/",
        "http://evil.org/example.org",
        "http://evil.org?example.org",
        "http://evil.org#@example.org",
        "http://@evil.org/",
        "http://еxample.org/",
        "http://8.8.8.8/",
    ] {
        assert!(matches!(refusal(&rules, url), Refusal::Host(_)), "{url}");
    }
}

#[test]
fn credentials_never_stand_in_for_a_host() {
    let rules = rules(true, &["good.example"]);
    for url in
        ["http://good.example@evil.org/", "http://good.example:80@evil.org/", "http://:p@good.example/"]
    {
        assert_eq!(refusal(&rules, url), Refusal::Credentials, "{url}");
    }
    for url in [
        "http://good.example\\@evil.org/",
        "http://good.example /",
        "http://good.example\r\nX: y/",
        "\thttp://a.b/",
    ] {
        assert_eq!(refusal(&rules, url), Refusal::Characters, "{url}");
    }
}

#[test]
fn addresses_inside_are_refused_in_every_notation() {
    let rules = rules(true, &["192.168.1.20"]);
    for url in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.01/",
        "http://127.0.0.1./",
        "http://%31%32%37.0.0.1/",
        "http://１２７.0.0.1/",
        "http://0/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1:8080/",
        "http://192.168.1.21/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:192.168.1.20]/",
        "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
    ] {
        assert!(matches!(refusal(&rules, url), Refusal::Address(_)), "{url}");
    }
    assert!(rules.check("http://192.168.1.20:8080/").is_ok());
    assert!(rules.check("http://8.8.8.8/").is_ok());
}

#[test]
fn other_schemes_and_ports_are_refused() {
    let rules = rules(true, &[]);
    for url in ["file:///etc/passwd", "ftp://example.org/", "data:,x", "ws://example.org/", "weft-app://a/"] {
        assert!(matches!(refusal(&rules, url), Refusal::Scheme(_)), "{url}");
    }
    assert_eq!(refusal(&rules, "http://example.org:25/"), Refusal::Port(25));
    assert_eq!(refusal(&rules, "http://example.org:0/"), Refusal::Port(0));
    for url in
        ["", "example.org", "http://", "http://a:99999/", "http://a:80:80/", "http://[::1/", "http://a b/"]
    {
        assert!(matches!(refusal(&rules, url), Refusal::Unreadable(_) | Refusal::Characters), "{url}");
    }
    assert_eq!(refusal(&rules, &format!("http://a.b/{}", "x".repeat(9000))), Refusal::TooLong);
}

#[test]
fn a_name_with_one_address_inside_is_refused_whole() {
    let check = |addresses: &[&str]| {
        check_addresses("a.b", &addresses.iter().map(|address| address.parse().unwrap()).collect::<Vec<_>>())
    };
    assert_eq!(check(&["8.8.8.8", "2606:4700::1111"]), Ok(()));
    assert!(matches!(check(&["8.8.8.8", "10.0.0.1"]), Err(Refusal::Resolved { .. })));
    assert!(matches!(check(&["::ffff:8.8.8.8"]), Err(Refusal::Resolved { .. })));
    assert_eq!(check(&[]), Err(Refusal::NoAddress("a.b".into())));
}

#[test]
fn a_session_without_hosts_reaches_nothing() {
    let rules = rules(false, &[]);
    assert!(rules.check("http://example.org/").is_err() && rules.check("http://8.8.8.8/").is_err());
}
