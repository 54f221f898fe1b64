//! Which `.env` files hold for a command, in Prisma's order: that of the project's root, then the one beside the schema.
//!
//! Prisma stops where both files give a variable the same value, and goes on with the first where they differ, although
//! its manual says the opposite; here it is as in the manual, because two databases are one too many.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::dotenv;
use crate::error::{Failure, Result, Stop};
use crate::prisma::package;

const NAME: &str = ".env";

/// The value of `key` and the file that it is from; `environment` wins over the files inside `${VAR}`.
pub fn lookup(
    key: &str,
    directory: &Path,
    schema: Option<&Path>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<(String, String)>> {
    let mut earlier: Vec<String> = Vec::new();
    let mut found: Option<(String, String)> = None;
    for path in paths(directory, schema) {
        let shown = path.strip_prefix(directory).unwrap_or(&path).display().to_string();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::new(Stop::Usage, format!("cannot read {shown}")).cause(error)),
        };
        let known = |name: &str| {
            let of_files = || earlier.iter().find_map(|text| dotenv::lookup(text, name, environment));
            environment(name).or_else(of_files)
        };
        let value = dotenv::lookup(&text, key, &known).filter(|value| !value.is_empty());
        match (&found, value) {
            (None, Some(value)) => found = Some((value, shown)),
            (Some((first, of)), Some(value)) if *first != value => {
                return Err(Failure::new(Stop::Usage, format!("{key} is set differently in {of} and {shown}"))
                    .next(format!("remove one of them, or set {key} in the environment")));
            }
            _ => {}
        }
        earlier.push(text);
    }
    Ok(found)
}

/// The files that may be there, each once.
fn paths(directory: &Path, schema: Option<&Path>) -> Vec<PathBuf> {
    let package = package::of(directory);
    let beside = |schema: &Path| directory.join(schema).parent().map(|folder| folder.join(NAME));
    let of_schema = [
        schema.and_then(beside),
        package.as_ref().and_then(|package| beside(package.schema.as_ref()?)),
        Some(directory.join("prisma").join(NAME)),
        Some(directory.join(NAME)),
    ];
    let of_root = package.map(|package| package.root.join(NAME));
    let of_schema = of_schema.into_iter().flatten().find(|path| path.exists());
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in of_root.into_iter().chain(of_schema) {
        let is_same = |other: &PathBuf| fs::canonicalize(other).ok() == fs::canonicalize(&path).ok();
        if !paths.iter().any(is_same) {
            paths.push(path);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Project(tempfile::TempDir);

    impl Project {
        fn new(files: &[(&str, &str)]) -> Project {
            let project = Project(tempfile::tempdir().unwrap());
            for (path, text) in files {
                let path = project.0.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            project
        }

        /// Value and file, or what is wrong, in a folder of the project.
        fn url(&self, folder: &str, schema: Option<&str>) -> Option<String> {
            let directory = self.0.path().join(folder);
            let directory = directory.components().as_path();
            let environment = |name: &str| (name == "PASSWORD").then(|| "p".to_owned());
            match lookup("URL", directory, schema.map(Path::new), &environment) {
                Ok(found) => found.map(|(url, file)| {
                    format!("{url} in {file}").replace(&format!("{}/", self.0.path().display()), "")
                }),
                Err(failure) => Some(failure.what.replace(&format!("{}/", self.0.path().display()), "")),
            }
        }
    }

    #[test]
    fn the_schemas_file_counts_without_a_package() {
        let project = Project::new(&[("prisma/.env", "URL=a"), ("db/.env", "URL=c")]);
        assert_eq!(project.url("", None).as_deref(), Some("a in prisma/.env"));
        assert_eq!(project.url("", Some("db/schema.prisma")).as_deref(), Some("c in db/.env"));
        assert_eq!(project.url("", Some("db/schema")).as_deref(), Some("c in db/.env"));
        assert_eq!(project.url("", Some("none/schema.prisma")).as_deref(), Some("a in prisma/.env"));
        let project = Project::new(&[(".env", "URL=a")]);
        assert_eq!(project.url("", None).as_deref(), Some("a in .env"));
        assert_eq!(Project::new(&[]).url("", None), None);
    }

    #[test]
    fn the_roots_file_comes_first() {
        let package = ("package.json", r#"{"prisma": {"schema": "db/schema.prisma"}}"#);
        let project =
            Project::new(&[package, (".env", "HOST=h"), ("db/.env", "URL=${HOST}/${PASSWORD}"), ("app/x", "")]);
        assert_eq!(project.url("", None).as_deref(), Some("h/p in db/.env"));
        assert_eq!(project.url("app", None).as_deref(), Some("h/p in db/.env"));
        let project = Project::new(&[package, (".env", "URL=a"), ("db/.env", "OTHER=b"), ("prisma/.env", "URL=c")]);
        assert_eq!(project.url("", None).as_deref(), Some("a in .env"));
    }

    #[test]
    fn two_values_are_one_too_many() {
        let package = ("package.json", "{}");
        let project = Project::new(&[package, (".env", "URL=a"), ("prisma/.env", "URL=b")]);
        assert_eq!(project.url("", None).as_deref(), Some("URL is set differently in .env and prisma/.env"));
        let project = Project::new(&[package, (".env", "URL=a"), ("prisma/.env", "URL='a'")]);
        assert_eq!(project.url("", None).as_deref(), Some("a in .env"));
        let project = Project::new(&[package, (".env", "URL="), ("prisma/.env", "URL=b")]);
        assert_eq!(project.url("", None).as_deref(), Some("b in prisma/.env"));
    }
}
