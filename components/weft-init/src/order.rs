//! Which services may be started, given the whole set: `after` must name known services and must not turn in a circle.

use crate::service_file::Service;
use std::collections::BTreeSet;

/// Services that can be started, each behind the ones it comes after, and one sentence for every one that cannot.
pub fn resolve(services: Vec<Service>) -> (Vec<Service>, Vec<String>) {
    let mut problems = Vec::new();
    let mut left = services;
    // A service whose `after` is missing takes those that wait for it with it, hence the repetition.
    loop {
        let names: BTreeSet<String> = left.iter().map(|service| service.name.clone()).collect();
        let unknown = |service: &Service| service.after.iter().find(|name| !names.contains(*name)).cloned();
        let (kept, lost): (Vec<_>, Vec<_>) = left.into_iter().partition(|service| unknown(service).is_none());
        left = kept;
        if lost.is_empty() {
            break;
        }
        for service in lost {
            let missing = unknown(&service).unwrap_or_default();
            problems.push(format!(
                "service {} is not started: it comes after {missing}, which is not there",
                service.name
            ));
        }
    }

    let mut ordered: Vec<Service> = Vec::new();
    let mut placed = BTreeSet::new();
    loop {
        let (free, waiting): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|service| service.after.iter().all(|name| placed.contains(name)));
        left = waiting;
        if free.is_empty() {
            break;
        }
        placed.extend(free.iter().map(|service| service.name.clone()));
        ordered.extend(free);
    }
    problems.extend(left.iter().map(|service| {
        let after = service.after.join(", ");
        format!(
            "service {} is not started: its order turns in a circle, it comes after {after}",
            service.name
        )
    }));
    (ordered, problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn service(name: &str, after: &[&str]) -> Service {
        let list = after.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(",");
        crate::service_file::parse("t.toml", name, &format!("exec = ['/x']\nafter = [{list}]")).unwrap()
    }

    fn names(services: &[Service]) -> Vec<&str> {
        services.iter().map(|service| service.name.as_str()).collect()
    }

    #[test]
    fn later_ones_follow_those_they_come_after() {
        let (ordered, problems) =
            resolve(vec![service("c", &["a", "b"]), service("b", &["a"]), service("a", &[])]);
        assert_eq!(names(&ordered), ["a", "b", "c"]);
        assert!(problems.is_empty());
    }

    #[test]
    fn a_missing_one_takes_its_followers_with_it() {
        let (ordered, problems) =
            resolve(vec![service("a", &["gone"]), service("b", &["a"]), service("c", &[])]);
        assert_eq!(names(&ordered), ["c"]);
        assert_eq!(problems.len(), 2);
        assert!(
            problems.iter().any(|line| line.contains("service a") && line.contains("gone")),
            "{problems:?}"
        );
    }

    #[test]
    fn a_circle_is_named_and_the_rest_starts() {
        let (ordered, problems) =
            resolve(vec![service("a", &["b"]), service("b", &["a"]), service("c", &[])]);
        assert_eq!(names(&ordered), ["c"]);
        assert!(problems.iter().all(|line| line.contains("circle")), "{problems:?}");
    }

    proptest! {
        #[test]
        fn order_holds_and_nothing_is_lost(edges in prop::collection::vec((0usize..8, 0usize..9), 0..16)) {
            let all: Vec<Service> = (0..8)
                .map(|i| {
                    let after: Vec<String> =
                        edges.iter().filter(|(from, _)| *from == i).map(|(_, to)| format!("s{to}")).collect();
                    service(&format!("s{i}"), &after.iter().map(String::as_str).collect::<Vec<_>>())
                })
                .collect();
            let (ordered, problems) = resolve(all);
            prop_assert_eq!(ordered.len() + problems.len(), 8);
            for (at, service) in ordered.iter().enumerate() {
                for name in &service.after {
                    prop_assert!(ordered[..at].iter().any(|earlier| &earlier.name == name));
                }
            }
        }
    }
}
