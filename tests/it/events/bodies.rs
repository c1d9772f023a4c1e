//! Bodies that are expensive to decode.

/// A body of any length, which repeats `unit` between `before` and `after`.
pub(crate) struct Body {
    before: String,
    unit: Vec<u8>,
    after: String,
}

impl Body {
    fn new(before: impl Into<String>, unit: impl AsRef<[u8]>, after: impl Into<String>) -> Self {
        Self { before: before.into(), unit: unit.as_ref().to_vec(), after: after.into() }
    }

    /// Returns a body of at most `length` bytes, with as many units as possible.
    pub(crate) fn of_length(&self, length: usize) -> Vec<u8> {
        let units = (length - self.before.len() - self.after.len()) / self.unit.len();
        [self.before.as_bytes(), &self.unit.repeat(units), self.after.as_bytes()].concat()
    }

    /// Returns a description for assertion messages.
    pub(crate) fn name(&self) -> String {
        let unit = String::from_utf8_lossy(&self.unit);
        format!("{:.90}… {unit:.90} …{:.20}", self.before, self.after)
    }
}

const END: &str = r#""event":"chat:end","chatId":"c","property":{"id":"p"}"#;
const START: &str = r#""event":"chat:start","chatId":"c","property":{"id":"p"}"#;
const TRANSCRIPT: &str =
    r#"{"event":"chat:transcript_created","property":{"id":"p"},"chat":{"id":"c","messages":["#;

/// Lists of small messages and attachments, which take many times their length when decoded.
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

/// The start of a text and the unit that it repeats. An escape makes it necessary to copy the text,
/// and invalid UTF-8 becomes longer when decoded.
const TEXTS: [(&str, &[u8]); 6] =
    [("", b"x"), ("", b"\\n"), ("", b"\\u0000"), ("", b"\xff"), ("", b"\xffx"), ("\\n", b"\xffx")];

/// One long text, in a field that is decoded or in another.
pub(crate) fn long_texts() -> Vec<Body> {
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

/// One long text, and the maximum number of decoded messages and attachments. All attachments are
/// in the first message, or there is one in each.
pub(crate) fn long_texts_in_lists() -> Vec<Body> {
    let zeros = "0,".repeat(9_999);
    let lists =
        [format!(r#"{{"attchs":[{zeros}0]}},{zeros}"#), r#"{"attchs":[0]},"#.repeat(10_000)];
    let mut bodies = Vec::new();
    for (text, unit) in TEXTS {
        for messages in &lists {
            let before = format!(r#"{TRANSCRIPT}{messages}0]}},"domain":"{text}"#);
            bodies.push(Body::new(before, unit, r#""}"#));
        }
        // In the last message that is decoded.
        let attachments = format!(r#"{{"attchs":[{zeros}0]}},"#);
        let before = format!(r#"{TRANSCRIPT}{attachments}{}{{"msg":"{text}"#, "0,".repeat(9_998));
        bodies.push(Body::new(before, unit, r#""}]}}"#));
        // In the first.
        let before = format!(r#"{TRANSCRIPT}{{"msg":"{text}"#);
        bodies.push(Body::new(before, unit, format!(r#""}},{}0]}}}}"#, lists[0])));
    }
    bodies
}

/// Many members, unclosed levels, digits and whitespace.
pub(crate) fn many_members() -> Vec<Body> {
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

/// Arrays and objects that are nested as deeply as the length allows.
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

/// Duplicate fields, and long pre-chat forms.
pub(crate) fn duplicates() -> Vec<Body> {
    let chat = r#""chat":{"id":"c","messages":[{"attchs":[{"content":{"file":{}}}]}]},"#;
    let transcript = r#"{"event":"chat:transcript_created","property":{"id":"p"},"#;
    let mut bodies = vec![
        Body::new(transcript, chat, r#""chat":{"id":"c"}}"#),
        Body::new(format!(r#"{transcript}"chat":{{"#), r#""messages":[{}],"#, r#""id":"c"}}"#),
        Body::new(format!("{transcript}{chat}"), r#""property":{"id":"p"},"#, r#""":0}"#),
        Body::new(format!("{transcript}{chat}"), r#""pr\u006fperty":{"id":"p"},"#, r#""":0}"#),
        Body::new("{", r#""event":"chat:start","#, format!("{END}}}")),
    ];
    let form = format!(r#"{{{START},"message":{{"sender":{{"type":"visitor"}},"text":"a : b"#);
    for line in [r" : ", r"\r\n", r"\r\na : b", r"\r\n\r\na : b", r"\na : b"] {
        bodies.push(Body::new(&*form, line, r#""}}"#));
    }
    bodies
}

/// A long text in the last decoded message. It grows when invalid UTF-8 is replaced, and it has an
/// escape in the middle and near the end.
pub(crate) fn few_escapes(length: usize) -> Vec<u8> {
    let zeros = "0,".repeat(9_999);
    let messages = "0,".repeat(9_998);
    let before = format!(r#"{TRANSCRIPT}{{"attchs":[{zeros}0]}},{messages}{{"msg":""#);
    let units = (length - before.len() - 20) / 2;
    let text = |units| b"\xffx".repeat(units);
    let (first, second, third) = (units / 2 - 1_000, units / 2 - 1_100, 2_000);
    [before.as_bytes(), &text(first), b"\\n", &text(second), b"\\n", &text(third), b"\"}]}}"]
        .concat()
}
