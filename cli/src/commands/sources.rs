//! The files of `-f`: read, parsed here for errors with file and line, and put together into one body.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use torii_resource::format::{Place, universal};
use torii_resource::{Document, ResourceKey};

use crate::error::Failure;

/// The documents of all files together.
#[derive(Debug)]
pub(super) struct Sources {
    /// One text with all documents, in the order of the files.
    pub(super) body: String,
    documents: Vec<Document>,
}

impl Sources {
    /// Reads files; `-` is standard input, a folder stands for its `.yaml`, `.yml` and `.json` files by name.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut texts = Vec::new();
        for path in paths {
            if path.as_os_str() == "-" {
                let mut text = String::new();
                let name = "standard input";
                io::stdin()
                    .read_to_string(&mut text)
                    .map_err(|error| unreadable(Path::new(name), error))?;
                texts.push((name.to_owned(), text));
            } else if path.is_dir() {
                for file in files_of(path)? {
                    texts.push((file.display().to_string(), read(&file)?));
                }
            } else {
                texts.push((path.display().to_string(), read(path)?));
            }
        }
        Self::parse(&texts)
    }

    fn parse(texts: &[(String, String)]) -> Result<Self, Failure> {
        let mut sources = Self {
            body: String::new(),
            documents: Vec::new(),
        };
        for (file, text) in texts {
            let documents =
                universal::parse(text, file).map_err(|error| Failure::Other(error.to_string()))?;
            if documents.is_empty() {
                continue;
            }
            sources.documents.extend(documents);
            if !sources.body.is_empty() {
                sources.body.push_str("\n---\n");
            }
            sources.body.push_str(text);
        }
        if sources.documents.is_empty() {
            return Err(Failure::Usage(
                "there is no document in what -f names".to_owned(),
            ));
        }
        Ok(sources)
    }

    /// Where the document of that number (from 0) stands, for errors.
    pub(super) fn place(&self, number: usize) -> String {
        self.documents
            .get(number)
            .map_or_else(String::new, |document| {
                // The control plane names the resource itself.
                let place = Place {
                    resource: String::new(),
                    ..document.place.clone()
                };
                place.to_string()
            })
    }

    /// The documents, in their order.
    pub(super) fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The resources, in their order.
    pub(super) fn keys(&self) -> impl DoubleEndedIterator<Item = &ResourceKey> {
        self.documents.iter().map(|document| &document.resource.key)
    }
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_file() && matches!(extension, Some("yaml" | "yml" | "json")) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, source: io::Error) -> Failure {
    Failure::Read {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[(&str, &str)]) -> Result<Sources, Failure> {
        let texts: Vec<_> = texts
            .iter()
            .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
            .collect();
        Sources::parse(&texts)
    }

    const MESH: &str = "type: Mesh\nname: a\n";

    #[test]
    fn documents_of_several_files_keep_their_file_and_number() {
        let two = format!("{MESH}---\ntype: Zone\nname: z\n");
        let json = r#"{"type": "Mesh", "name": "b"}"#;
        let sources = parse(&[
            ("one.yaml", &two),
            ("empty.yaml", "# nothing\n"),
            ("two.json", json),
        ])
        .unwrap();
        assert!(
            sources.place(1).starts_with("one.yaml, document 2"),
            "{}",
            sources.place(1)
        );
        assert!(
            sources.place(2).starts_with("two.json"),
            "{}",
            sources.place(2)
        );
        assert_eq!(sources.place(9), "");
        let keys: Vec<_> = sources.keys().map(ToString::to_string).collect();
        assert_eq!(keys, ["Mesh a", "Zone z", "Mesh b"]);
        let whole = universal::parse(&sources.body, "body").unwrap();
        assert_eq!(whole.len(), 3, "{}", sources.body);
    }

    #[test]
    fn a_wrong_document_is_named_with_its_file_before_anything_is_sent() {
        let error =
            parse(&[("one.yaml", MESH), ("two.yaml", "type: Mesh\nnmae: b\n")]).unwrap_err();
        assert!(error.to_string().contains("two.yaml"), "{error}");
    }

    #[test]
    fn no_document_at_all_is_a_usage_error() {
        assert_eq!(
            parse(&[("one.yaml", "---\n")]).unwrap_err().exit().code(),
            2
        );
    }

    #[test]
    fn a_folder_stands_for_its_documents_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("b.yaml", MESH),
            ("a.json", r#"{"type":"Zone","name":"z"}"#),
            ("c.txt", "no"),
        ] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        let sources = Sources::read(&[folder.path().to_owned()]).unwrap();
        let keys: Vec<_> = sources.keys().map(ToString::to_string).collect();
        assert_eq!(keys, ["Zone z", "Mesh a"]);
    }
}
