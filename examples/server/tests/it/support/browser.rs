//! Chromium, driven over `WebDriver`, with a blocking interface.
//!
//! A shell starts `chromedriver`, which starts Chromium in the same process group. When the pipe to
//! the shell is closed, which also happens when the tests end or crash, the group is killed.

use std::env;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::{skip, until};

const SHELL: &str = r#"
directory=$(mktemp -d) || exit
export HOME="$directory" TMPDIR="$directory"
setsid /bin/sh -c 'chromedriver --port=0 & read -r _; kill -KILL 0'
rm -rf "$directory"
"#;

const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-sync",
    "--window-size=1280,900",
];

/// Time that the browser waits for an element, in milliseconds.
const ELEMENT_TIMEOUT: u32 = 20_000;

/// Browsers that no test uses. Starting one takes longer than most tests.
static IDLE: Mutex<Vec<Session>> = Mutex::new(Vec::new());

/// A browser without cookies, which other tests use after this one.
pub struct Browser(Option<Session>);

struct Session {
    /// The `goog:chromeOptions`.
    options: Value,
    driver: String,
    runtime: Runtime,
    client: Client,
    shell: Child,
}

impl Browser {
    /// Starts a browser. If Chromium is not installed, skips the test and returns `None`.
    pub fn start() -> Option<Self> {
        Self::start_with(&[], json!({}))
    }

    /// Starts a browser that does not run scripts of pages. Those of the tests do run.
    pub fn start_without_scripts() -> Option<Self> {
        let preference = json!({ "profile.managed_default_content_settings.javascript": 2 });
        Self::start_with(&[], json!({ "prefs": preference }))
    }

    /// Starts a browser with the viewport of a phone, 360 pixels wide.
    pub fn start_narrow() -> Option<Self> {
        let metrics = json!({ "width": 360, "height": 740, "pixelRatio": 1 });
        Self::start_with(&[], json!({ "mobileEmulation": { "deviceMetrics": metrics } }))
    }

    /// Starts a browser with arguments and `goog:chromeOptions` in addition to its own.
    pub fn start_with(arguments: &[&str], mut options: Value) -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let find = |name| env::split_paths(&path).map(move |folder| folder.join(name));
        let installed = |name| find(name).find(|path| path.is_file());
        let (Some(chromium), Some(_)) = (installed("chromium"), installed("chromedriver")) else {
            skip("Chromium or chromedriver is not installed");
            return None;
        };
        options["args"] = [&ARGUMENTS, arguments].concat().into();
        options["binary"] = chromium.to_str().unwrap().into();
        let mut idle = IDLE.lock().unwrap();
        let same = idle.iter().position(|session| session.options == options);
        let session = same.map(|index| idle.swap_remove(index));
        drop(idle);
        Some(Self(Some(session.unwrap_or_else(|| Session::start(options)))))
    }

    fn session(&self) -> &Session {
        self.0.as_ref().unwrap()
    }

    fn client(&self) -> &Client {
        &self.session().client
    }

    fn block_on<T>(&self, command: impl Future<Output = Result<T, CmdError>>) -> T {
        self.session().runtime.block_on(command).unwrap()
    }

    fn element(&self, selector: &str) -> Element {
        let found = self.session().runtime.block_on(self.client().find(Locator::Css(selector)));
        found.unwrap_or_else(|error| panic!("no {selector}: {error}\n{}", self.source()))
    }

    pub fn open(&self, url: &str) {
        self.block_on(self.client().goto(url));
    }

    pub fn reload(&self) {
        self.block_on(self.client().refresh());
    }

    pub fn url(&self) -> String {
        self.block_on(self.client().current_url()).into()
    }

    pub fn title(&self) -> String {
        self.block_on(self.client().title())
    }

    pub fn source(&self) -> String {
        self.block_on(self.client().source())
    }

    /// Waits for an element, and returns its text as it is rendered.
    pub fn text(&self, selector: &str) -> String {
        self.block_on(self.element(selector).text())
    }

    /// Returns the texts of all elements that are there.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.each(selector, "element.innerText.trim()")
    }

    pub fn count(&self, selector: &str) -> usize {
        self.texts(selector).len()
    }

    /// Returns an attribute of all elements that have it.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let selector = format!(":is({selector})[{name}]");
        self.each(&selector, &format!("element.getAttribute('{name}')"))
    }

    /// Returns a string for each element.
    fn each(&self, selector: &str, expression: &str) -> Vec<String> {
        let elements = format!("[...document.querySelectorAll({})]", json!(selector));
        let values = self.run(&format!("return {elements}.map((element) => {expression})"));
        serde_json::from_value(values).unwrap()
    }

    pub fn click(&self, selector: &str) {
        self.block_on(self.element(selector).click());
    }

    /// Clicks, and waits for the next page.
    pub fn follow(&self, selector: &str) {
        self.run("window.isLeft = true");
        self.click(selector);
        let is_loaded = "return !window.isLeft && document.readyState === 'complete'";
        until(|| {
            let loaded =
                self.session().runtime.block_on(self.client().execute(is_loaded, Vec::new()));
            loaded.is_ok_and(|loaded| loaded == true).then_some(())
        });
    }

    /// Replaces the text of a field.
    pub fn fill(&self, selector: &str, text: &str) {
        let field = self.element(selector);
        self.block_on(field.clear());
        self.block_on(field.send_keys(text));
    }

    pub fn select(&self, selector: &str, label: &str) {
        self.block_on(self.element(selector).select_by_label(label));
    }

    /// Sends keys to the element that has the focus.
    pub fn press(&self, keys: &str) {
        let focused = self.block_on(self.client().active_element());
        self.block_on(focused.send_keys(keys));
    }

    /// Runs a script, and returns what it returns.
    pub fn run(&self, script: &str) -> Value {
        self.block_on(self.client().execute(script, Vec::new()))
    }

    /// Continues in the first frame of the page.
    pub fn enter_frame(&self) {
        self.block_on(self.client().enter_frame(0));
    }

    /// Returns whether a dialog of a page, such as that of `alert`, is open.
    pub fn has_dialog(&self) -> bool {
        self.session().runtime.block_on(self.client().get_alert_text()).is_ok()
    }

    /// Returns the cookies of the page, those for HTTP only included.
    pub fn cookies(&self) -> Vec<fantoccini::cookies::Cookie<'static>> {
        self.block_on(self.client().get_all_cookies())
    }

    /// Returns a PNG image.
    pub fn screenshot(&self) -> Vec<u8> {
        self.block_on(self.client().screenshot())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // After a failure, the page may be in any state.
        if !thread::panicking() {
            self.open(&format!("{}/status", self.session().driver));
            self.block_on(self.client().delete_all_cookies());
            IDLE.lock().unwrap().extend(self.0.take());
        }
    }
}

impl Session {
    fn start(options: Value) -> Self {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SHELL])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(shell.stdout.take().unwrap()).lines().map(Result::unwrap);
        let port = { lines }.find_map(|line| {
            Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned())
        });
        let driver = format!("http://127.0.0.1:{}", port.unwrap());
        let capabilities = json!({
            "goog:chromeOptions": options,
            "timeouts": { "implicit": ELEMENT_TIMEOUT },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is an object") };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = runtime.block_on(builder.capabilities(capabilities).connect(&driver));
        Self { options, driver, client: client.unwrap(), runtime, shell }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
