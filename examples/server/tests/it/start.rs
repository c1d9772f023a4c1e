//! Settings, where they come from, and errors about them.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;

use crate::support::{Directory, Finished, Listener, SECRET, program, run, sign_with};

/// Asserts that the program did not start, and printed one line to stderr.
fn assert_one_line(finished: &Finished, expected: &[&str]) {
    assert_eq!(finished.code, Some(2), "{finished:#?}");
    assert_eq!(finished.stdout, "");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:#?}");
    assert!(finished.stderr.starts_with("tawk-listener: "), "{finished:#?}");
    for text in expected {
        assert!(finished.stderr.contains(text), "no {text:?} in {finished:#?}");
    }
}

fn run_in(directory: &Directory, settings: &[(&str, &str)]) -> Finished {
    let output = program(directory, settings).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code();
    let finished = Finished { code, stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!finished.output().contains(SECRET), "{finished:#?}");
    finished
}

#[test]
fn requires_a_secret_and_says_where_to_find_it() {
    let expected = ["TAWK_WEBHOOK_SECRET is not set", "Tawk.to dashboard"];
    assert_one_line(&run(&[], &[]), &expected);
    assert_one_line(&run(&["serve"], &[("TAWK_WEBHOOK_SECRET", "")]), &expected);
    assert_one_line(&run(&[], &[("TAWK_TAWK_WEBHOOK_SECRET", "")]), &expected);
}

#[test]
fn the_older_name_of_the_secret_works_unless_the_newer_one_is_set() {
    let listener = Listener::start_bare(
        Directory::new(),
        &[],
        &[("TAWK_TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")],
    );
    assert_eq!(listener.deliver(b"{}").status, 200);

    let listener = Listener::start(&[("TAWK_TAWK_WEBHOOK_SECRET", "older")]);
    assert_eq!(listener.deliver(b"{}").status, 200);
    let older = sign_with("older", b"{}");
    assert_eq!(listener.post(&[("X-Tawk-Signature", &older)], b"{}").status, 403);
}

#[test]
fn invalid_secrets_are_named_by_their_positions() {
    let cases = [
        (format!("{SECRET},"), "secret 2 in TAWK_WEBHOOK_SECRET: webhook secret is empty"),
        (format!("a={SECRET},a=x"), "secret 2 in TAWK_WEBHOOK_SECRET: duplicate label"),
        (format!("{SECRET}="), "secret 1 in TAWK_WEBHOOK_SECRET: nothing follows"),
        (format!("x,{SECRET}=new"), "write label=secret"),
    ];
    for (setting, expected) in cases {
        assert_one_line(&run(&[], &[("TAWK_WEBHOOK_SECRET", &setting)]), &[expected]);
        assert_one_line(&run(&["--tawk-webhook-secret", &setting], &[]), &[expected]);
    }
    // Short enough for a label: only its end shows that it is a secret.
    for setting in ["c2VjcmV0LXRleHQ=", "c2VjcmV0LXRleHQx=="] {
        let finished = run(&[], &[("TAWK_WEBHOOK_SECRET", setting)]);
        assert_one_line(&finished, &["write label=secret"]);
        assert!(!finished.stderr.contains("c2Vj"), "{finished:#?}");
    }
}

#[test]
fn warns_about_unusual_secrets_by_their_positions() {
    let setting = format!("new={SECRET},odd-label=an-odd-text");
    let listener = Listener::start(&[("TAWK_WEBHOOK_SECRET", &setting)]);
    let output = listener.stop().output();
    assert_eq!(output.matches(" WARN ").count(), 1, "{output}");
    assert!(
        output.contains("secret does not look like") && output.contains("position=2"),
        "{output}"
    );
    assert!(!output.contains("an-odd-text") && !output.contains("odd-label"), "{output}");
}

#[test]
fn errors_about_values_say_what_to_write() {
    let cases = [
        ("PORT", "eighty", "invalid value 'eighty' for PORT:"),
        ("PORT", "65536", "for PORT: 65536 is not in"),
        ("TAWK_MODE", "off", "possible values: enforce, observe"),
        ("TAWK_LOG", "all", "possible values: summary, payload, full"),
        ("LOG_FORMAT", "xml", "possible values: text, json"),
        ("TAWK_BODY_LIMIT", "2 megabytes", "as in 512KiB or 2MiB"),
        ("TAWK_BODY_LIMIT", "0", "above 0"),
        ("TAWK_BODY_DEADLINE", "30", "as in 30s or 500ms"),
    ];
    for (name, value, expected) in cases {
        let finished = run(&[], &[("TAWK_WEBHOOK_SECRET", SECRET), (name, value)]);
        assert_one_line(&finished, &[expected]);
    }
    assert_eq!(
        run(&["--tawk-mode", "off"], &[]).stderr,
        "tawk-listener: invalid value 'off' for '--tawk-mode <MODE>' [possible values: enforce, \
         observe]"
    );
    assert_one_line(&run(&["--tawk-mod", "off"], &[]), &["unexpected argument '--tawk-mod' found"]);
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("RUST_LOG", "tower=loud")];
    assert_one_line(&run(&["--port", "0"], &settings), &["RUST_LOG", "e.g. info"]);
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("HOST", "192.0.2.1")];
    assert_one_line(&run(&[], &settings), &["cannot listen on 192.0.2.1 port 8000", "set HOST"]);
}

#[test]
fn errors_name_a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let finished = run(&[], &[("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", &port)]);
    assert_one_line(
        &finished,
        &["cannot listen on 127.0.0.1 port", &port, "set PORT to another port"],
    );
}

#[test]
fn does_not_print_a_secret_in_the_wrong_place() {
    let pair = format!("TAWK_WEBHOOK_SECRET={SECRET}");
    let long = format!("--tawk-webhook-secrets={SECRET}");
    let short = format!("-s{SECRET}");
    let cases: [&[&str]; 8] = [
        &[SECRET],
        &[&pair],
        &["serve", SECRET],
        &["--tawk-webhook-secret", "a=x,", &pair],
        &["--tawk-webhook-secret", SECRET, "serve"],
        &["--tawk-webhook-secret", SECRET, "--tawk-webhook-secret", SECRET],
        &[&long],
        &[&short],
    ];
    for arguments in cases {
        assert_one_line(&run(arguments, &[]), &[]);
    }
}

#[test]
fn help_lists_the_settings_with_their_defaults_without_the_secret() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["-h"], &["help", "serve"]] {
        let finished = run(arguments, &[("TAWK_WEBHOOK_SECRET", SECRET)]);
        assert_eq!(finished.code, Some(0), "{finished:#?}");
        for text in [
            "TAWK_WEBHOOK_SECRET",
            "TAWK_MODE",
            "[default: enforce]",
            "[default: 127.0.0.1]",
            "[default: 8000]",
            "[default: 2MiB]",
            "[default: 30s]",
            "[default: info]",
            "[default: text]",
            "[default: payload]",
        ] {
            assert!(finished.stdout.contains(text), "no {text} in {finished:#?}");
        }
    }
}

#[test]
fn settings_come_from_the_flag_then_the_environment_then_dotenv() {
    let directory = Directory::new();
    directory.write(
        ".env",
        format!("TAWK_WEBHOOK_SECRET={SECRET}\nTAWK_MODE=observe\nTAWK_LOG=full\nLOG_FORMAT=json"),
    );
    let settings = [("TAWK_LOG", "payload"), ("TAWK_MODE", "observe"), ("PORT", "1")];
    let arguments = ["serve", "--port", "0", "--tawk-mode", "enforce"];
    let listener = Listener::start_bare(directory, &arguments, &settings);
    let line = listener.line("listening on");
    for text in [r#""mode":"enforce""#, r#""tawk_log":"payload""#, r#""secrets":1"#] {
        assert!(line.contains(text), "no {text} in {line}");
    }
}

#[test]
fn empty_settings_are_unset() {
    let directory = Directory::new();
    directory.write(".env", format!("TAWK_WEBHOOK_SECRET={SECRET}\nTAWK_MODE=\nTAWK_LOG=full"));
    let help = run(&["--help"], &[]).stdout;
    let names = help.split("[env: ").skip(1).map(|name| name.split(['=', ']']).next().unwrap());
    let mut settings: Vec<_> = names.map(|name| (name, "")).collect();
    assert!(settings.contains(&("TAWK_ALLOWED_IPS", "")), "{settings:?}");
    settings.retain(|(name, _)| *name != "PORT");
    settings.push(("PORT", "0"));
    let listener = Listener::start_bare(directory, &[], &settings);
    let line = listener.line("listening on");
    // An empty variable of the environment does not hide the one of `.env`.
    assert!(line.contains(r#"mode="enforce" tawk_log="full""#), "{line}");
    assert_eq!(listener.deliver(b"{}").status, 200);
}

/// As platforms, templates and `docker run --env-file` leave them.
#[test]
fn values_may_have_whitespace_quotes_and_any_case() {
    let secret = format!("  \"{SECRET}\"\n");
    let settings = [
        ("TAWK_WEBHOOK_SECRET", &*secret),
        ("PORT", "\t0 "),
        ("TAWK_MODE", "'Observe'"),
        ("TAWK_LOG", " FULL"),
        ("LOG_FORMAT", "Text "),
        ("TAWK_REQUIRE_HTTPS", "No"),
        ("NOTIFY_ON", " Ticket , chat-end "),
        ("TAWK_TRUSTED_PROXIES", " "),
        ("DATABASE_URL", "\"sqlite://quoted.db\""),
        ("RUST_LOG", "\"INFO\""),
        // Kubernetes sets it for a service called `metrics`.
        ("METRICS_PORT", "tcp://10.0.0.1:9000"),
    ];
    let directory = Directory::new();
    let file = directory.path().join("quoted.db");
    let listener = Listener::start_bare(directory, &[], &settings);
    let line = listener.line("listening on");
    assert!(line.contains(r#"mode="observe" tawk_log="full""#), "{line}");
    assert_eq!(listener.deliver(b"{}").status, 200);
    listener.line("delivery verified");
    assert!(file.exists());
}

#[test]
fn errors_name_the_flag_if_it_was_used_and_else_the_variable() {
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "eighty")];
    let finished = run(&[], &settings);
    assert_one_line(&finished, &["invalid value 'eighty' for PORT: "]);
    assert!(!finished.stderr.contains("--port"), "{finished:#?}");
    for arguments in [&["--port", "eighty"][..], &["--port=eighty"], &["serve", "--port", "eighty"]]
    {
        assert_one_line(&run(arguments, &settings[..1]), &["for '--port <PORT>'"]);
    }
}

#[test]
fn secrets_may_be_in_files() {
    let directory = Directory::new();
    directory.write("secret", format!("{SECRET}\r\n"));
    directory.write("url", "sqlite://from-file.db\n");
    directory.write(".env", "DATABASE_URL_FILE=url\n");
    let file = directory.path().join("from-file.db");
    let settings = [("TAWK_WEBHOOK_SECRET_FILE", "secret"), ("PORT", "0")];
    let listener = Listener::start_bare(directory, &[], &settings);
    assert_eq!(listener.deliver(b"{}").status, 200);
    assert!(file.exists());
}

#[test]
fn secrets_in_files_that_can_not_be_used_are_errors() {
    let name = "TAWK_WEBHOOK_SECRET_FILE";
    let directory = Directory::new();
    directory.write("secret", SECRET).write("empty", "\n");
    assert_one_line(
        &run_in(&directory, &[(name, SECRET)]),
        &["cannot read TAWK_WEBHOOK_SECRET_FILE"],
    );
    assert_one_line(&run_in(&directory, &[(name, "empty")]), &[name, "contains no secret"]);
    let both = [(name, "secret"), ("TAWK_WEBHOOK_SECRET", SECRET)];
    assert_one_line(&run_in(&directory, &both), &[name, "both set"]);
}

#[test]
fn the_last_line_of_dotenv_for_a_name_counts() {
    let directory = Directory::new();
    let example = include_str!("../../.env.example");
    directory.write(".env", format!("{example}\nPORT=1\nPORT=0 \nTAWK_WEBHOOK_SECRET={SECRET} "));
    let listener = Listener::start_bare(directory, &[], &[("TAWK_WEBHOOK_SECRET", "")]);
    assert_eq!(listener.deliver(b"{}").status, 200);

    let directory = Directory::new();
    directory.write(".env", format!("TAWK_WEBHOOK_SECRET={SECRET}\nTAWK_WEBHOOK_SECRET=\n"));
    assert_one_line(&run_in(&directory, &[]), &["TAWK_WEBHOOK_SECRET is not set"]);
}

#[test]
fn dotenv_may_begin_with_a_byte_order_mark() {
    let directory = Directory::new();
    directory.write(".env", format!("\u{feff}TAWK_WEBHOOK_SECRET={SECRET}\r\nPORT=0\r\n"));
    let listener = Listener::start_bare(directory, &[], &[]);
    assert_eq!(listener.deliver(b"{}").status, 200);
}

#[test]
fn invalid_lines_of_dotenv_are_named_by_their_numbers() {
    let cases = [
        (format!("PORT=0\nTAWK_WEBHOOK_SECRET {SECRET}\n"), "line 2 of .env"),
        (format!("PORT=0\n\nTAWK_WEBHOOK_SECRET='{SECRET}\nHOST=x\n"), "line 3 of .env"),
        (format!("# one\r\n\r\nTAWK-WEBHOOK-SECRET={SECRET}\r\n"), "line 3 of .env"),
        (format!("TAWK_WEBHOOK_SECRET={SECRET} and more\n"), "line 1 of .env"),
        (format!("A='1\n2'\nTAWK_WEBHOOK_SECRET={SECRET}\0\n"), "line 3 of .env"),
        (format!("{}\n{SECRET}", "#".repeat(10_000)), "line 2 of .env"),
    ];
    for (contents, expected) in cases {
        let directory = Directory::new();
        let finished = run_in(directory.write(".env", contents), &[]);
        assert_one_line(&finished, &[expected, "write NAME=value"]);
    }
    let directory = Directory::new();
    let bytes = [b"TAWK_WEBHOOK_SECRET=".as_slice(), SECRET.as_bytes(), b"\xff\n"].concat();
    assert_one_line(&run_in(directory.write(".env", bytes), &[]), &["line 1 of .env"]);
}

#[test]
fn requires_a_readable_dotenv() {
    let directory = Directory::new();
    fs::create_dir(directory.path().join(".env")).unwrap();
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET)];
    assert_one_line(&run_in(&directory, &settings), &["cannot read .env", "remove it"]);
}

#[test]
fn every_setting_is_in_the_readme_and_in_the_example_dotenv_which_starts() {
    let example = include_str!("../../.env.example");
    let help = [&["--help"][..], &["desk", "--help"]].map(|command| run(command, &[]).stdout);
    let help = help.concat();
    let names = help.split("[env: ").skip(1).map(|name| name.split(['=', ']']).next().unwrap());
    let names: BTreeSet<_> = names.collect();
    assert_eq!(names.len(), 26);
    for name in names {
        assert!(example.contains(&format!("{name}=")), "{name} is not in .env.example");
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in README.md");
    }
    let secret = format!("\nTAWK_WEBHOOK_SECRET={SECRET}\n");
    let filled = example.replace("\nTAWK_WEBHOOK_SECRET=\n", &secret).replace('#', "");
    let settings = filled.lines().filter(|line| line.starts_with(|c: char| c.is_uppercase()));
    let settings: Vec<_> = settings
        .filter(|line| line.split('=').count() == 2)
        // The files do not exist.
        .filter(|line| !line.starts_with("TLS_"))
        .collect();
    let directory = Directory::new();
    directory.write(".env", settings.join("\n"));
    let arguments = ["--port", "0", "--metrics-port", "0"];
    let listener = Listener::start_bare(directory, &arguments, &[]);
    assert_eq!(listener.deliver(b"{}").status, 200);
}
