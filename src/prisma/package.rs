//! The project's package.json: where its root is, and where it says that the schema is.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A package.json.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The folder it is in.
    pub root: PathBuf,
    /// The schema that `prisma.schema` names.
    pub schema: Option<PathBuf>,
}

/// The nearest one, in the folder or above it. One that Prisma has generated, or that cannot be read, is passed over.
pub fn of(folder: &Path) -> Option<Package> {
    folder.ancestors().find_map(|root| {
        let text = fs::read(root.join("package.json")).ok()?;
        let package: Value = serde_json::from_slice(&text).ok()?;
        let schema = package["prisma"]["schema"].as_str().map(|schema| root.join(schema));
        (package["name"] != ".prisma/client").then(|| Package { root: root.to_owned(), schema })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_package_counts() {
        let project = tempfile::tempdir().unwrap();
        let (root, inner) = (project.path(), project.path().join("node_modules/.prisma/client"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(root.join("package.json"), r#"{"name": "shop", "prisma": {"schema": "db/shop.prisma"}}"#).unwrap();
        fs::write(inner.join("package.json"), r#"{"name": ".prisma/client"}"#).unwrap();
        let expected = Package { root: root.to_owned(), schema: Some(root.join("db/shop.prisma")) };
        assert_eq!(of(&inner), Some(expected));
        fs::write(inner.join("package.json"), "{").unwrap();
        assert_eq!(of(&inner).unwrap().root, root);
        fs::write(inner.join("package.json"), "{}").unwrap();
        assert_eq!(of(&inner), Some(Package { root: inner.clone(), schema: None }));
    }
}
