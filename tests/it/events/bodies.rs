//! The worst bodies that we can think of: what takes much more room typed than as bytes, what has
//! to be decoded, what is deep, and what could be walked again and again.

/// A body of about any length: `unit` as often as there is room for between `before` and `after`.
pub(crate) struct Body {
    before: String,
    unit: Vec<u8>,
    after: String,
}

impl Body {
    fn new(before: impl Into<String>, unit: impl AsRef<[u8]>, after: impl Into<String>) -> Self {
        Self { before: before.into(), unit: unit.as_ref().to_vec(), after: after.into() }
    }

    /// As long as `length`, or some bytes shorter.
    pub(crate) fn of_length(&self, length: usize) -> Vec<u8> {
        let units = (length - self.before.len() - self.after.len()) / self.unit.len();
        [self.before.as_bytes(), &self.unit.repeat(units), self.after.as_bytes()].concat()
    }

    /// The beginning, to tell it from others.
    pub(crate) fn name(&self) -> String {
        let unit = String::from_utf8_lossy(&self.unit);
        format!("{:.90}… {unit:.90} …{:.20}", self.before, self.after)
    }
}

const END: &str = r#""event":"chat:end","chatId":"c","property":{"id":"p"}"#;
const START: &str = r#""event":"chat:start","chatId":"c","property":{"id":"p"}"#;
const TRANSCRIPT: &str =
    r#"{"event":"chat:transcript_created","property":{"id":"p"},"chat":{"id":"c","messages":["#;

/// The smallest of what is typed, at which a byte becomes a hundred.
pub(crate) fn lists() -> Vec<Body> {
    let mut bodies = Vec::new();
    for message in [
        "{}",
        r#"{"msg":"m"}"#,
        r#"{"attchs":[0]}"#,
        r#"{"attchs":[0,0]}"#,
        r#"{"sender":{"t":"x","n":"n","id":"i"},"type":"t","msg":"m","time":"t"}"#,
    ] {
        bodies.push(Body::new(TRANSCRIPT, format!("{message},"), format!("{message}]}}}}")));
    }
    for attachment in ["0", r#"{"type":"t"}"#] {
        let before = format!(r#"{TRANSCRIPT}{{"attchs":["#);
        bodies.push(Body::new(before, format!("{attachment},"), format!("{attachment}]}}]}}}}")));
    }
    bodies
}

/// How a text begins, and what it goes on with. With one escape, none of it can be taken as it
/// stands; what is not UTF-8 grows.
const TEXTS: [(&str, &[u8]); 6] =
    [("", b"x"), ("", b"\\n"), ("", b"\\u0000"), ("", b"\xff"), ("", b"\xffx"), ("\\n", b"\xffx")];

/// One huge text, read or not.
pub(crate) fn texts() -> Vec<Body> {
    let mut bodies = Vec::new();
    for (text, unit) in TEXTS {
        for (before, after) in [
            (format!(r#"{{"event":"{text}"#), r#"x"}"#.to_owned()),
            (format!("\u{feff} {{\"x\":\"{text}"), "\",\"event\":\"x\"} ".to_owned()),
            (format!(r#"{{"x":"{text}"#), format!(r#"",{END}}}"#)),
            (format!(r#"{{"{text}"#), format!(r#"":0,{END}}}"#)),
            (format!(r#"{{{END},"chatId":"{text}"#), r#"x"}"#.to_owned()),
            (format!(r#"{{{START},"message":{{"text":"{text}"#), r#""}}"#.to_owned()),
        ] {
            bodies.push(Body::new(before, unit, after));
        }
    }
    bodies
}

/// One huge text, and as many messages and attachments as are typed: all in the first message, and
/// one in each.
pub(crate) fn texts_in_lists() -> Vec<Body> {
    let zeros = "0,".repeat(9_999);
    let lists =
        [format!(r#"{{"attchs":[{zeros}0]}},{zeros}"#), r#"{"attchs":[0]},"#.repeat(10_000)];
    let mut bodies = Vec::new();
    for (text, unit) in TEXTS {
        for messages in &lists {
            let before = format!(r#"{TRANSCRIPT}{messages}0]}},"domain":"{text}"#);
            bodies.push(Body::new(before, unit, r#""}"#));
        }
        let before = format!(r#"{TRANSCRIPT}{{"msg":"{text}"#);
        bodies.push(Body::new(before, unit, format!(r#""}},{}0]}}}}"#, lists[0])));
    }
    bodies
}

/// Keys, levels and digits without number.
pub(crate) fn shapes() -> Vec<Body> {
    let end = format!("{{{END},");
    let mut bodies = Vec::new();
    for member in [r#""":0"#, r#""\n":0"#, r#""\u0065vent":"chat:end""#] {
        bodies.push(Body::new(&end, format!("{member},"), r#""":0}"#));
        bodies.push(Body::new(format!(r#"{end}"visitor":{{"#), format!("{member},"), r#""":0}}"#));
    }
    for (open, close) in [("[", ""), (r#"{"":"#, ""), ("[", "x")] {
        for before in ["", &format!(r#"{end}"visitor":"#), TRANSCRIPT] {
            bodies.push(Body::new(before, open, close));
        }
    }
    bodies.push(Body::new(format!(r#"{end}"chatId":"#), "7", "}"));
    bodies.push(Body::new(r#"{"event":"x","x":"#, "7", "}"));
    bodies.push(Body::new(end, " ", r#""":0}"#));
    bodies
}

/// Lists and objects as deep as the body is long, and whole.
pub(crate) fn nested(length: usize) -> Vec<Vec<u8>> {
    let places = [
        format!(r#"{{{END},"x":"#),
        format!(r#"{{{END},"visitor":"#),
        format!(r#"{TRANSCRIPT}{{"attchs":"#),
        r#"{"event":"x","x":"#.to_owned(),
    ];
    let ends = ["}", "}", "}]}}", "}"];
    let mut bodies = Vec::new();
    for (before, after) in places.iter().zip(ends) {
        for (open, close) in [("[", "]"), (r#"{"visitor":"#, "}")] {
            let levels = (length - before.len() - after.len() - 1) / (open.len() + close.len());
            let (open, close) = (open.repeat(levels), close.repeat(levels));
            bodies.push(format!("{before}{open}0{close}{after}").into_bytes());
        }
    }
    bodies
}

/// What is to be walked once, and not once for each.
pub(crate) fn repeats() -> Vec<Body> {
    let chat = r#""chat":{"id":"c","messages":[{"attchs":[{"content":{"file":{}}}]}]},"#;
    let transcript = r#"{"event":"chat:transcript_created","property":{"id":"p"},"#;
    let mut bodies = vec![
        Body::new(transcript, chat, r#""chat":{"id":"c"}}"#),
        Body::new(format!(r#"{transcript}"chat":{{"#), r#""messages":[{}],"#, r#""id":"c"}}"#),
        Body::new(format!("{transcript}{chat}"), r#""property":{"id":"p"},"#, r#""":0}"#),
        Body::new(format!("{transcript}{chat}"), r#""pr\u006fperty":{"id":"p"},"#, r#""":0}"#),
        Body::new("{", r#""event":"chat:start","#, format!("{END}}}")),
    ];
    // The text of a form is walked too.
    let form = format!(r#"{{{START},"message":{{"sender":{{"type":"visitor"}},"text":"a : b"#);
    for line in [r" : ", r"\r\n", r"\r\na : b", r"\r\n\r\na : b", r"\na : b"] {
        bodies.push(Body::new(&*form, line, r#""}}"#));
    }
    bodies
}
