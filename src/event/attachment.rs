//! [`Attachment`]: a file that was sent with a message.

use std::fmt;

use serde::Serialize;

use super::json::Json;

/// A file that was sent with a message. `Debug` shows its size and media type.
///
/// `name`, `url` and the rest are what somebody chose or a browser said: do not use them as a
/// path, and do not fetch the URL without thought.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(into = "Shape")]
#[non_exhaustive]
pub struct Attachment {
    /// `file`.
    pub kind: Option<String>,
    /// Where the file can be fetched.
    pub url: Option<String>,
    /// The file's name.
    pub name: Option<String>,
    /// The file's media type.
    pub mime_type: Option<String>,
    /// The file's size, in bytes.
    pub size: Option<u64>,
    /// What stands behind the last dot of the name.
    pub extension: Option<String>,
}

impl Attachment {
    pub(super) fn read(json: Json<'_>) -> Self {
        let [kind, content] = json.fields(["type", "content"]);
        let [file] = content.map_or([None], |content| content.fields(["file"]));
        let [url, name, mime_type, size, extension] = file.map_or([None; 5], |file| {
            file.fields(["url", "name", "mimeType", "size", "extension"])
        });
        Self {
            kind: kind.and_then(Json::string),
            url: url.and_then(Json::string),
            name: name.and_then(Json::string),
            mime_type: mime_type.and_then(Json::string),
            size: size.and_then(Json::integer),
            extension: extension.and_then(Json::string),
        }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("mime_type", &self.mime_type)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// As it is sent: the file lies two objects deep.
#[derive(Serialize)]
struct Shape {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    content: Content,
}

#[derive(Serialize)]
struct Content {
    file: File,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<String>,
}

impl From<Attachment> for Shape {
    fn from(Attachment { kind, url, name, mime_type, size, extension }: Attachment) -> Self {
        Self { kind, content: Content { file: File { url, name, mime_type, size, extension } } }
    }
}
