//! The migrations directory on disk: `prisma/migrations/<stamp>_<name>/migration.sql`.
//!
//! Prisma takes every sub-directory for a migration and ignores plain files. So a script is first written to a plain
//! file beside the migrations and moved into its directory at the end: a crash leaves nothing that Prisma would trip
//! over, save for the instant between making the directory and the move, which writing again completes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use thiserror::Error;

use super::name::MigrationName;
use super::order;
use crate::error::{Failure, Result, Stop};

const LOCK_FILE: &str = "migration_lock.toml";
const SCRIPT_FILE: &str = "migration.sql";
const ROLLBACK_FILE: &str = "rollback.sql";
const PROVIDER: &str = "mysql";

/// An existing migrations directory that belongs to MySQL or MariaDB.
#[derive(Debug, Clone)]
pub struct MigrationsDirectory {
    path: PathBuf,
}

/// Why a migration could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// There is a script of that name with other content, which is never overwritten.
    #[error("`{}` exists with different content", .0.display())]
    Differs(PathBuf),
    /// The name is not that of a directory right inside the migrations directory.
    #[error("`{0}` cannot be the name of a migration directory")]
    NotAName(String),
    /// The file system said no.
    #[error("cannot write `{}`: {source}", .path.display())]
    Io {
        /// What was being written.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl MigrationsDirectory {
    /// Opens the directory, which must exist and, if it says for which provider it is, be for MySQL.
    pub fn open(path: impl Into<PathBuf>) -> Result<MigrationsDirectory> {
        let directory = MigrationsDirectory::readable(path)?;
        directory.refuse_other_provider()?;
        Ok(directory)
    }

    /// Opens the directory, which must exist, whatever it is for.
    pub fn readable(path: impl Into<PathBuf>) -> Result<MigrationsDirectory> {
        let directory = MigrationsDirectory { path: path.into() };
        match fs::metadata(&directory.path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(directory.unusable("is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(directory.unusable("does not exist")),
            Err(error) => return Err(directory.unusable("cannot be opened").cause(error)),
        }
        Ok(directory)
    }

    /// The directory as `deploy` takes it: it need not exist, as for Prisma.
    pub fn lenient(path: impl Into<PathBuf>) -> MigrationsDirectory {
        MigrationsDirectory { path: path.into() }
    }

    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// The provider that migration_lock.toml names when it is not MySQL.
    pub fn foreign_provider(&self) -> Result<Option<String>> {
        match fs::read_to_string(self.path.join(LOCK_FILE)) {
            Ok(content) => Ok(Some(provider(&content)).filter(|found| *found != PROVIDER).map(str::to_owned)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unusable(&format!("has a `{LOCK_FILE}` that cannot be read")).cause(error)),
        }
    }

    /// The script of a migration as Prisma reads it: what is not UTF-8 becomes U+FFFD, nothing else is touched.
    /// `None` when there is no file.
    pub fn script(&self, name: &str) -> Result<Option<String>> {
        let path = self.script_path(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(Failure::new(Stop::Unexpected, format!("`{}` cannot be read", path.display())).cause(error))
            }
        }
    }

    /// Where it is, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the script of a migration is or would be.
    pub fn script_path(&self, name: &str) -> PathBuf {
        self.path.join(name).join(SCRIPT_FILE)
    }

    /// Where the script that takes a migration back is or would be.
    pub fn rollback_path(&self, name: &str) -> PathBuf {
        self.path.join(name).join(ROLLBACK_FILE)
    }

    /// Names of all migrations in the order Prisma applies them.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = self.sub_directories().map_err(|error| self.unusable("cannot be read").cause(error))?;
        names.sort_by(|left, right| order::compare(left, right));
        Ok(names)
    }

    /// The full name of a new migration, refused when there is one of that name.
    pub fn stamp(&self, name: &MigrationName, now: Timestamp) -> Result<String> {
        let full_name = name.stamped(now);
        // Anything of that name would be in the way, a file as well.
        if fs::symlink_metadata(self.path.join(&full_name)).is_ok() {
            return Err(Failure::refused(format!("the migration `{full_name}` exists already"))
                .table("untouched")
                .next("run the command again: the next second gives another stamp"));
        }
        Ok(full_name)
    }

    /// Refuses when a migration could not be written here, so that no change starts that cannot be recorded.
    pub fn check_writable(&self) -> Result<()> {
        // A plain file, because Prisma takes a directory for a migration.
        let probe = self.path.join(format!(".replank-{}.probe", std::process::id()));
        File::create(&probe).and_then(|_| fs::remove_file(&probe)).map_err(|error| {
            Failure::refused(format!("cannot write to the migrations directory `{}`", self.path.display()))
                .table("untouched")
                .next("make it writable, pass `--migrations DIR`, or pass `--no-record` to record nothing")
                .cause(error)
        })
    }

    /// Writes the script of a migration and returns its path.
    ///
    /// Content that is there already is left alone, so a run that was interrupted can write again.
    pub fn write(&self, name: &str, script: &str) -> Result<PathBuf, WriteError> {
        if !is_plain_name(name) {
            return Err(WriteError::NotAName(name.to_owned()));
        }
        let target = self.script_path(name);
        match fs::read(&target) {
            Ok(content) if content == script.as_bytes() => return Ok(target),
            Ok(_) => return Err(WriteError::Differs(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(WriteError::Io { path: target, source }),
        }
        let partial = self.path.join(format!(".{name}.partial"));
        self.place(name, script, &partial).map_err(|source| {
            // An empty directory would stop every deploy with P3015; one that holds something is not removed by this.
            let _ = fs::remove_dir(self.path.join(name));
            let _ = fs::remove_file(&partial);
            WriteError::Io { path: target.clone(), source }
        })?;
        Ok(target)
    }

    /// Writes what takes a migration back, unless there is something else already.
    pub fn write_rollback(&self, name: &str, script: &str) -> Result<PathBuf> {
        let path = self.rollback_path(name);
        let failed = |error| Failure::new(Stop::Unexpected, format!("cannot write `{}`", path.display())).cause(error);
        match File::create_new(&path) {
            Ok(mut file) => {
                file.write_all(script.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
                Ok(path)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::read(&path) {
                Ok(content) if content == script.as_bytes() => Ok(path),
                Ok(_) => Err(Failure::refused(format!("`{}` exists with other content", path.display()))
                    .table("untouched")
                    .next("remove it to have it written again")),
                Err(error) => Err(failed(error)),
            },
            Err(error) => Err(failed(error)),
        }
    }

    fn place(&self, name: &str, script: &str, partial: &Path) -> io::Result<()> {
        let mut file = File::create(partial)?;
        file.write_all(script.as_bytes())?;
        file.sync_all()?;

        let home = self.path.join(name);
        match fs::create_dir(&home) {
            Ok(()) => {}
            // An earlier run stopped between this and the move.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && home.is_dir() => {}
            Err(error) => return Err(error),
        }
        fs::rename(partial, home.join(SCRIPT_FILE))?;
        // The names are durable only once the directories that hold them are.
        File::open(&home)?.sync_all()?;
        File::open(&self.path)?.sync_all()
    }

    fn sub_directories(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // The entry's own type: Prisma does not follow a link to a directory.
            if entry.file_type()?.is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(names)
    }

    fn refuse_other_provider(&self) -> Result<()> {
        let Some(found) = self.foreign_provider()? else { return Ok(()) };
        Err(Failure::refused(format!("the migrations in `{}` are not for MySQL or MariaDB", self.path.display()))
            .table("untouched")
            .next("pass `--migrations DIR` with the directory of this database's migrations")
            .cause(format!(
                "P3019: The datasource provider `{PROVIDER}` specified in your schema does not match the one specified \
                 in the {LOCK_FILE}, `{found}`. Please remove your current migration directory and start a new \
                 migration history with prisma migrate dev. Read more: https://pris.ly/d/migrate-provider-switch"
            )))
    }

    fn unusable(&self, why: &str) -> Failure {
        Failure::refused(format!("the migrations directory `{}` {why}", self.path.display()))
            .table("untouched")
            .next("run from the project's root, or pass `--migrations DIR`")
    }
}

/// The provider as Prisma reads it, by text and not as TOML: other spacing than its own counts as another provider.
fn provider(lock_file: &str) -> &str {
    lock_file
        .lines()
        .find(|line| line.starts_with("provider"))
        .map_or("<PROVIDER NOT FOUND>", |line| line.trim_start_matches("provider = ").trim_matches('"'))
}

fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(Component::Normal(only)) if only == name) && components.next().is_none()
}

#[cfg(test)]
mod tests;
