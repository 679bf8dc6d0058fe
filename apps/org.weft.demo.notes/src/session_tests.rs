//! What the page is told, over real folders.

use super::*;

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("weft-notes-session-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn ask(session: &mut Session, request: Value) -> Output {
    session.handle(&request.to_string(), Instant::now())
}

fn created(session: &mut Session) -> String {
    ask(session, json!({ "op": "create" })).page[0]["note"]["id"].as_str().unwrap().to_owned()
}

fn save(session: &mut Session, id: &str, revision: u64, text: &str) -> Output {
    ask(session, json!({ "op": "save", "id": id, "revision": revision, "text": text }))
}

#[test]
fn a_note_is_made_saved_found_read_and_deleted() {
    let folder = Folder::new("whole");
    let mut session = Session::new(&folder.0);
    let id = created(&mut session);
    assert_eq!(save(&mut session, &id, 1, "Milk\nbread").page[0]["saved"]["revision"], 2);
    let found = ask(&mut session, json!({ "op": "search", "text": "BREAD" }));
    assert_eq!(found.page[0]["notes"][0]["title"], "Milk");
    assert_eq!(ask(&mut session, json!({ "op": "search", "text": "beer" })).page[0]["notes"], json!([]));
    let mut later = Session::new(&folder.0);
    let read = ask(&mut later, json!({ "op": "read", "id": id }));
    assert_eq!(read.page, [json!({ "note": { "id": id, "revision": 2, "text": "Milk\nbread" } })]);
    assert_eq!(ask(&mut later, json!({ "op": "delete", "id": id, "revision": 2 })).page[0]["deleted"], *id);
    assert_eq!(session.tick(Instant::now()).page[0]["total"], 0);
}

#[test]
fn the_other_instance_hears_of_a_change_once() {
    let folder = Folder::new("other");
    let (mut one, mut other) = (Session::new(&folder.0), Session::new(&folder.0));
    other.tick(Instant::now());
    let id = created(&mut one);
    assert_eq!(other.tick(Instant::now()).page[0]["notes"][0]["id"], *id);
    assert_eq!(other.tick(Instant::now()), Output::default());
    ask(&mut other, json!({ "op": "read", "id": id }));
    save(&mut one, &id, 1, "new");
    assert_eq!(other.tick(Instant::now()).page[0]["open"], json!({ "id": id, "revision": 2 }));
}

#[test]
fn a_conflict_is_kept_in_a_copy_and_told() {
    let folder = Folder::new("conflict");
    let (mut one, mut other) = (Session::new(&folder.0), Session::new(&folder.0));
    let id = created(&mut one);
    assert_eq!(save(&mut one, &id, 1, "mine").notices, []);
    let output = save(&mut other, &id, 1, "theirs");
    assert_eq!(output.page[0]["saved"]["conflict"], true);
    assert_eq!(output.notices.len(), 1);
    let list = one.tick(Instant::now());
    let titles: Vec<_> =
        list.page[0]["notes"].as_array().unwrap().iter().map(|note| note["title"].clone()).collect();
    assert!(titles.contains(&json!("mine")) && titles.contains(&json!("theirs")), "{titles:?}");
}

#[test]
fn a_reminder_comes_at_once_or_when_it_is_due() {
    let folder = Folder::new("remind");
    let mut session = Session::new(&folder.0);
    let (id, now) = (created(&mut session), Instant::now());
    save(&mut session, &id, 1, "Call Ada");
    let mut remind =
        |minutes| session.handle(&json!({ "op": "remind", "id": id, "minutes": minutes }).to_string(), now);
    let expected = [("Call Ada".to_owned(), "Reminder".to_owned())];
    assert_eq!(remind(0).notices, expected);
    assert_eq!(remind(5).notices, []);
    assert!(remind(100_000).page[0]["error"].is_string());
    assert_eq!(session.tick(now + Duration::from_secs(299)).notices, []);
    assert_eq!(session.tick(now + Duration::from_secs(300)).notices, expected);
    assert_eq!(session.tick(now + Duration::from_secs(999)).notices, []);
}

#[test]
fn nonsense_is_answered_and_a_full_list_fits_a_message() {
    let folder = Folder::new("full");
    let mut session = Session::new(&folder.0);
    for bad in [
        "",
        "{",
        "[]",
        "{\"op\":\"read\",\"id\":\"../x\"}",
        "{\"op\":\"save\",\"id\":\"x\",\"revision\":0,\"text\":\"\"}",
    ] {
        assert!(session.handle(bad, Instant::now()).page[0]["error"].is_string(), "{bad}");
    }
    let wide = format!("{0}\n{0}", "\u{1f9f5}".repeat(99));
    while let Some(id) = ask(&mut session, json!({ "op": "create" })).page[0]["note"]["id"].as_str() {
        save(&mut session, id, 1, &wide);
    }
    let id =
        ask(&mut session, json!({ "op": "list" })).page[0]["notes"][0]["id"].as_str().unwrap().to_owned();
    while save(&mut session, &id, 1, &format!("{wide}!")).page[0]["saved"].is_object() {}
    let list = ask(&mut session, json!({ "op": "list" })).page.remove(0);
    assert_eq!(list["total"], 144);
    assert!(list.to_string().len() < 64 << 10, "{} bytes", list.to_string().len());
}
