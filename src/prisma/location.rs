//! Where the migrations are, found as Prisma finds them; its configuration file is not executed.

use std::fs;
use std::path::{Path, PathBuf};

use super::package;
use crate::error::{Failure, Result, Stop};

/// The migrations directory: the one that is named, else `migrations` beside the schema, which package.json may name,
/// else `prisma/migrations`.
/// The second value says whether somebody named it or the schema.
pub fn migrations(named: Option<PathBuf>, schema: Option<&Path>) -> Result<(PathBuf, bool)> {
    if let Some(directory) = named {
        return Ok((directory, true));
    }
    if let Some(schema) = schema {
        return beside(schema).map(|directory| (directory, true));
    }
    if let Some(schema) =
        std::env::current_dir().ok().and_then(|folder| package::of(&folder)).and_then(|package| package.schema)
    {
        return beside(&schema).map(|directory| (directory, true));
    }
    let usual = PathBuf::from("prisma/migrations");
    if usual.is_dir() {
        return Ok((usual, false));
    }
    for schema in ["schema.prisma", "prisma/schema.prisma", "prisma/schema"] {
        if Path::new(schema).exists() {
            return beside(Path::new(schema)).map(|directory| (directory, false));
        }
    }
    Ok((usual, false))
}

/// Beside the schema file, or beside the file with the datasource when the schema is a folder.
fn beside(schema: &Path) -> Result<PathBuf> {
    let unusable = |why: &str| {
        Failure::new(Stop::Usage, format!("the Prisma schema `{}` {why}", schema.display()))
            .next("pass `--schema` with the file or folder of the schema, or `--migrations DIR`")
    };
    let metadata = fs::metadata(schema).map_err(|error| unusable("cannot be read").cause(error))?;
    let file = match metadata.is_dir() {
        false => schema.to_owned(),
        true => datasource_file(schema).ok_or_else(|| unusable("has no file with a datasource"))?,
    };
    Ok(file.parent().unwrap_or(Path::new("")).join("migrations"))
}

/// The file of a schema folder that has the datasource, sub-folders included.
fn datasource_file(folder: &Path) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            return datasource_file(&path);
        }
        let is_schema = path.extension().is_some_and(|extension| extension == "prisma");
        let has_datasource = |text: String| text.lines().any(|line| line.trim_start().starts_with("datasource "));
        (is_schema && fs::read_to_string(&path).is_ok_and(has_datasource)).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_beside_the_datasource() {
        let project = tempfile::tempdir().unwrap();
        let folder = project.path().join("db");
        fs::create_dir_all(folder.join("models")).unwrap();
        fs::write(folder.join("models/a.prisma"), "model A {\n  id Int @id\n}\n").unwrap();
        assert!(beside(&folder).unwrap_err().what.ends_with("has no file with a datasource"));
        fs::write(folder.join("main.prisma"), "datasource db {\n  provider = \"mysql\"\n}\n").unwrap();
        assert_eq!(beside(&folder).unwrap(), folder.join("migrations"));
        assert_eq!(beside(&folder.join("models/a.prisma")).unwrap(), folder.join("models/migrations"));
        assert!(beside(&project.path().join("none.prisma")).is_err());
    }

    #[test]
    fn a_named_directory_wins() {
        let named = migrations(Some("x".into()), Some(Path::new("no/schema.prisma"))).unwrap();
        assert_eq!(named, (PathBuf::from("x"), true));
    }
}
