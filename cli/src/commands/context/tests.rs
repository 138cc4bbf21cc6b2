//! A file with two contexts.

use std::fs;

use super::*;

const TWO: &str = "\
current: demo
contexts:
  demo: {address: \"https://127.0.0.11:5682\", ca: PEM, token: top-secret}
  east: {address: \"https://127.0.0.21:5682\", ca: PEM}
";

fn file() -> (tempfile::TempDir, impl Fn() -> FileFlag) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("context.yaml");
    fs::write(&path, TWO).unwrap();
    let flag = move || FileFlag {
        config_file: Some(path.clone()),
    };
    (folder, flag)
}

#[test]
fn the_current_context_has_a_star() {
    let (_folder, flag) = file();
    let text = list::List { file: flag() }.run().unwrap();
    assert_eq!(
        text,
        "CURRENT  NAME  ADDRESS\n*        demo  https://127.0.0.11:5682\n         east  https://127.0.0.21:5682\n"
    );
}

#[test]
fn another_context_can_be_made_current_but_not_an_unknown_one() {
    let (_folder, flag) = file();
    let choose = |name: &str| {
        switch::Use {
            name: name.to_owned(),
            file: flag(),
        }
        .run()
    };
    choose("east").unwrap();
    assert_eq!(flag().load().unwrap().1.current.as_deref(), Some("east"));
    let error = choose("west").unwrap_err().to_string();
    assert!(error.contains("demo, east"), "{error}");
}

#[test]
fn showing_a_context_does_not_show_its_token() {
    let (_folder, flag) = file();
    let show = show::Show {
        name: None,
        file: flag(),
    };
    let text = show.run().unwrap();
    assert!(
        text.contains("token      yes") && !text.contains("top-secret"),
        "{text}"
    );
}
