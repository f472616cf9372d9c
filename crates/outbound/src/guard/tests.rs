use super::*;

fn strict() -> Guard {
    Guard { allow: Vec::new(), allow_loopback: false }
}

fn local() -> Guard {
    Guard { allow: Vec::new(), allow_loopback: true }
}

fn check(guard: &Guard, url: &str) -> Result<Route, OutboundError> {
    let url = Url::parse(url).unwrap();
    guard.check_url(&url).map(|()| guard.route(&url))
}

fn reason(result: Result<Route, OutboundError>) -> Option<&'static str> {
    match result {
        Ok(_) => None,
        Err(OutboundError::Blocked { reason, .. } | OutboundError::InvalidUrl { reason }) => Some(reason),
        Err(other) => panic!("unexpected {other:?}"),
    }
}

/// First and last address of each blocked range, and the neighbours outside it.
#[test]
fn ranges_are_blocked_from_the_first_to_the_last_address() {
    let cases = [
        ("0.0.0.0", "0.255.255.255", RESERVED),
        ("10.0.0.0", "10.255.255.255", PRIVATE),
        ("100.64.0.0", "100.127.255.255", PRIVATE),
        ("127.0.0.0", "127.255.255.255", LOOPBACK),
        ("169.254.0.0", "169.254.255.255", LINK_LOCAL),
        ("172.16.0.0", "172.31.255.255", PRIVATE),
        ("192.0.0.0", "192.0.0.255", RESERVED),
        ("192.168.0.0", "192.168.255.255", PRIVATE),
        ("198.18.0.0", "198.19.255.255", RESERVED),
        ("224.0.0.0", "239.255.255.255", MULTICAST),
        ("240.0.0.0", "255.255.255.255", RESERVED),
        ("::", "::", RESERVED),
        ("::1", "::1", LOOPBACK),
        ("::2", "::ffff", EMBEDS_V4),
        ("::1:0", "::255.255.255.255", RESERVED),
        ("::127.0.0.1", "::127.255.255.255", LOOPBACK),
        ("::169.254.169.254", "::169.254.169.254", LINK_LOCAL),
        ("::8.8.8.8", "::8.8.4.4", EMBEDS_V4),
        ("::ffff:0.0.0.0", "::ffff:255.255.255.255", RESERVED),
        ("::ffff:8.8.8.8", "::ffff:8.8.8.8", EMBEDS_V4),
        ("::ffff:10.0.0.1", "::ffff:192.168.1.1", PRIVATE),
        ("64:ff9b::", "64:ff9b::ffff:ffff", RESERVED),
        ("64:ff9b::8.8.8.8", "64:ff9b::8.8.4.4", EMBEDS_V4),
        ("64:ff9b::169.254.169.254", "64:ff9b::169.254.169.254", LINK_LOCAL),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", EMBEDS_V4),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", EMBEDS_V4),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", RESERVED),
        ("2002:808:808::1", "2002:808:404::1", EMBEDS_V4),
        ("2002:7f00:1::", "2002:7f00:1::", LOOPBACK),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PRIVATE),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", LINK_LOCAL),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PRIVATE),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", MULTICAST),
    ];
    for (first, last, expected) in cases {
        for address in [first, last] {
            assert_eq!(blocked_address(address.parse().unwrap()), Some(expected), "{address}");
        }
    }
}

#[test]
fn neighbours_of_blocked_ranges_are_public() {
    let addresses = [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "8.8.8.8",
        "191.255.255.255",
        "::1:0:0",
        "::fffe:ffff:ffff",
        "::1:0:0:0",
        "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff",
        "64:ff9b:0:0:0:1::",
        "64:ff9b:0:ffff:ffff:ffff:ffff:ffff",
        "64:ff9b:2::",
        "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:1::",
        "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2003::",
        "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe00::",
        "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2606:4700::1111",
    ];
    for address in addresses {
        assert_eq!(blocked_address(address.parse().unwrap()), None, "{address}");
    }
}

#[test]
fn every_spelling_of_a_blocked_host_is_blocked() {
    let urls = [
        ("https://127.0.0.1/", LOOPBACK),
        ("https://127.0.0.1./", LOOPBACK),
        ("https://127.1/", LOOPBACK),
        ("https://127.0.1/", LOOPBACK),
        ("https://2130706433/", LOOPBACK),
        ("https://0x7f000001/", LOOPBACK),
        ("https://0x7f.0.0.1/", LOOPBACK),
        ("https://017700000001/", LOOPBACK),
        ("https://0177.0.0.1/", LOOPBACK),
        ("https://%31%32%37.0.0.1/", LOOPBACK),
        ("https://127。0。0。1/", LOOPBACK),
        ("https://①②⑦.0.0.1/", LOOPBACK),
        ("https://0X7F.1/", LOOPBACK),
        ("https://0300.0250.1.1/", PRIVATE),
        ("https://192.168.257/", PRIVATE),
        ("https://10.1/", PRIVATE),
        ("https://0xA.0x0.0x0.0x1/", PRIVATE),
        ("https://172.0x10.1/", PRIVATE),
        ("https://３２３２２３５７７７/", PRIVATE),
        ("https://0300.0xa8.1.1./", PRIVATE),
        ("https://4294967295/", RESERVED),
        ("https://0/", RESERVED),
        ("https://0xa9fea9fe/", LINK_LOCAL),
        ("https://2852039166/", LINK_LOCAL),
        ("https://169.254.43518/", LINK_LOCAL),
        ("https://[::1]/", LOOPBACK),
        ("https://[0:0:0:0:0:0:0:1]/", LOOPBACK),
        ("https://[::]/", RESERVED),
        ("https://[::ffff:127.0.0.1]/", LOOPBACK),
        ("https://[::ffff:7f00:1]/", LOOPBACK),
        ("https://[::ffff:8.8.8.8]/", EMBEDS_V4),
        ("https://[64:ff9b::10.0.0.1]/", PRIVATE),
        ("https://[2002:c0a8:101::]/", PRIVATE),
        ("https://[::127.0.0.1]/", LOOPBACK),
        ("https://[::FFFF:A9FE:A9FE]/", LINK_LOCAL),
        ("https://[64:ff9b:1::a00:1]/", EMBEDS_V4),
        ("https://[fec0::1]/", PRIVATE),
        ("https://[fd00:ec2::254]/", PRIVATE),
        ("https://localhost/", LOOPBACK),
        ("https://LOCALHOST./", LOOPBACK),
        ("https://a.localhost/", LOOPBACK),
        ("https://ｌｏｃａｌｈｏｓｔ/", LOOPBACK),
        ("https://loc\u{ad}alhost/", LOOPBACK),
        ("https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", LOOPBACK),
        ("https://%6cocalhost/", LOOPBACK),
        ("https://metadata。google。internal/", INTERNAL_NAME),
        ("https://METADATA.ɢoogle.INTERNAL/", INTERNAL_NAME),
        ("https://x.ｉnternal./", INTERNAL_NAME),
        ("https://metadata.google.internal/", INTERNAL_NAME),
        ("https://internal/", INTERNAL_NAME),
        ("https://ip-10-0-0-1.EC2.Internal./", INTERNAL_NAME),
        ("http://example.com/", PLAIN_HTTP),
        ("http://8.8.8.8/", PLAIN_HTTP),
        ("http://localhost/", LOOPBACK),
    ];
    for (url, expected) in urls {
        assert_eq!(reason(check(&strict(), url)), Some(expected), "{url}");
    }
}

/// Zone ids, numbers out of range and the like are no hosts at all.
#[test]
fn forms_that_are_no_host_are_no_url() {
    for url in [
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[::1%25lo]/",
        "https://[::ffff:127.0.0.1.]/",
        "https://256.256.256.256/",
        "https://4294967296/",
        "https://0x100000000/",
        "https://08.0.0.1/",
        "https://1.2.3.4.5/",
        "https://127.0.0.0x/1",
        "https://[::1/",
        "https://::1/",
        "https://exa mple.com/",
        "https://a%00b/",
        "https:///",
    ] {
        let parsed = Url::parse(url).ok();
        let refused = parsed.is_none_or(|url| strict().check_url(&url).is_err());
        assert!(refused, "{url}");
    }
}

/// What no rule for names catches is caught by the address that it resolves to.
#[test]
fn a_name_that_only_looks_public_does_not_reach_this_machine() {
    for url in ["https://localhost../", "https://127.0.0.1.nip.example/", "https://localtest.example/"] {
        let url = Url::parse(url).unwrap();
        for guard in [strict(), local()] {
            assert_eq!(guard.check_url(&url), Ok(()));
            for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"] {
                let verdict = guard.check_address(url.host_str().unwrap(), address.parse().unwrap());
                assert!(verdict.is_err(), "{url} {address}");
            }
        }
    }
}

#[test]
fn public_https_hosts_are_guarded_not_trusted() {
    for url in [
        "https://example.com/",
        "https://example.com.:8443/a?b",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://notlocalhost/",
        "https://internal.example.com/",
        "https://myinternal/",
    ] {
        assert_eq!(check(&strict(), url), Ok(Route::Guarded), "{url}");
    }
}

#[test]
fn urls_that_are_never_requested() {
    for url in ["ftp://example.com/", "file:///etc/passwd", "data:,a", "gopher://127.0.0.1:9001/", "unix:/a"]
    {
        assert_eq!(reason(check(&local(), url)), Some("its scheme must be https"), "{url}");
    }
    for url in ["https://user:pw@example.com/", "https://user@example.com/", "https://:pw@example.com/"] {
        assert_eq!(reason(check(&strict(), url)), Some("it must not carry credentials"), "{url}");
    }
    let long = format!("https://example.com/{}", "a".repeat(70_000));
    for url in ["https://a\"b.example/", "https://{a}.example/", "https://a`b.example/", &long] {
        let expected = Some("it is too long or has a forbidden character");
        assert_eq!(reason(check(&strict(), url)), expected, "{}", &url[..20]);
    }
}

#[test]
fn allowed_hosts_may_use_http_and_blocked_addresses() {
    let guard = Guard {
        allow: ["db.internal", "10.0.3.7:8080", "ollama.lan"].map(|rule| rule.parse().unwrap()).to_vec(),
        allow_loopback: false,
    };
    for url in ["http://db.internal:5000/", "http://10.0.3.7:8080/", "https://ollama.lan/"] {
        assert_eq!(check(&guard, url), Ok(Route::Trusted), "{url}");
    }
    for url in ["http://10.0.3.7/", "https://10.0.3.8:8080/", "http://other.internal/", "http://localhost/"] {
        assert!(check(&guard, url).is_err(), "{url}");
    }
    assert!(check(&guard, "http://user:pw@ollama.lan/").is_err(), "credentials are refused even there");
}

#[test]
fn loopback_is_allowed_only_where_the_operator_says_so() {
    for url in ["http://127.0.0.1:7860/", "http://[::1]/", "https://localhost/", "http://a.localhost:1/"] {
        assert_eq!(check(&local(), url), Ok(Route::Guarded), "{url}");
        assert!(check(&strict(), url).is_err(), "{url}");
    }
    for url in ["http://10.0.0.1/", "http://example.com/", "https://[::ffff:127.0.0.1]/", "http://0.0.0.0/"] {
        assert!(check(&local(), url).is_err(), "{url}");
    }
}

#[test]
fn addresses_of_names_are_checked_against_the_name() {
    let cases = [
        (strict(), "example.com", "93.184.216.34", true),
        (strict(), "example.com", "127.0.0.1", false),
        (strict(), "localhost", "127.0.0.1", false),
        (local(), "localhost", "127.0.0.1", true),
        (local(), "a.localhost.", "::1", true),
        (local(), "localhost", "10.0.0.1", false),
        (local(), "localhost", "8.8.8.8", false),
        (local(), "example.com", "127.0.0.1", false),
        (local(), "example.com", "::1", false),
    ];
    for (guard, name, address, permitted) in cases {
        assert_eq!(
            guard.check_address(name, address.parse().unwrap()).is_ok(),
            permitted,
            "{name} {address}"
        );
    }
}
