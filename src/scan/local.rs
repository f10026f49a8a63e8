//! Which modules are the repository's own, decided as Python would from the importing file.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::facts::Definitions;
use super::walk::Listing;
use super::{Import, Tree};

/// The importable files of a tree.
#[derive(Debug, Default)]
pub(super) struct Locals {
    /// Files that can be imported, without their extensions: `pkg/a`, `pkg/__init__`.
    modules: BTreeSet<String>,
    /// Folders with such a file somewhere below.
    folders: BTreeSet<String>,
    /// The last parts of both: what is not among them is nobody's here.
    names: HashSet<String>,
    /// Folders of projects: what is in them or in their `src` can be installed.
    projects: BTreeSet<String>,
    /// Folders that some file adds to `sys.path`.
    path_entries: BTreeSet<String>,
    /// Compiled modules that some build file makes.
    extensions: BTreeSet<String>,
    /// What modules with the name of a well-known distribution define, by [`Self::modules`].
    definitions: BTreeMap<String, Definitions>,
}

/// A folder that Python may search.
#[derive(Debug, PartialEq, Eq)]
struct Root {
    folder: String,
    /// Searched for certain, not only when somebody starts Python there.
    certain: bool,
}

impl Locals {
    /// Takes in what the walk found.
    pub(super) fn new(listing: &Listing) -> Self {
        let mut locals = Self::default();
        let sources = listing.sources.iter().map(|source| source.path.as_str());
        let others = listing.other_modules.iter().map(String::as_str);
        let files: BTreeSet<&str> = sources
            .chain(others)
            .filter(|path| !is_notebook(path))
            .collect();
        for path in &files {
            locals.add_module(path);
        }
        for (link, target) in &listing.links {
            let below = files.range(target.as_str()..);
            let below = below.map_while(|path| path.strip_prefix(target.as_str()));
            for rest in below.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                locals.add_module(&format!("{link}{rest}"));
            }
        }
        for path in &listing.declarations {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            if matches!(name, "pyproject.toml" | "setup.py" | "setup.cfg") {
                locals.projects.insert(folder.to_owned());
            }
        }
        locals
    }

    fn add_module(&mut self, path: &str) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        // Built extensions are called `name.cpython-311-x86_64-linux-gnu.so`.
        let stem = name.split('.').next().unwrap_or(name);
        self.modules.insert(join(folder, stem));
        self.names.insert(stem.to_owned());
        for ancestor in ancestors(folder) {
            if !self.folders.insert(ancestor.to_owned()) {
                break;
            }
            let name = ancestor.rsplit('/').next().unwrap_or(ancestor);
            self.names.insert(name.to_owned());
        }
    }

    /// Adds a folder that `file` puts on `sys.path`, which counts from the file or from the root.
    pub(super) fn add_path_entry(&mut self, file: &str, entry: &str) {
        for from in [file, ""] {
            if let Ok(folder) = Tree::join(from, entry) {
                self.path_entries.insert(folder);
            }
        }
    }

    /// Adds a compiled module that a build file makes.
    pub(super) fn add_extension(&mut self, name: String) {
        self.extensions.insert(name);
    }

    /// Adds what a file defines.
    pub(super) fn add_definitions(&mut self, file: &str, definitions: Definitions) {
        let module = file.rsplit_once('.').map_or(file, |(module, _)| module);
        self.definitions.insert(module.to_owned(), definitions);
    }

    /// Sets [`Import::local`] for the imports of one file.
    pub(super) fn mark(&self, file: &str, imports: &mut [Import]) {
        let roots = self.roots(file);
        for import in imports {
            import.local = self.provides(&roots, file, import);
        }
    }

    /// Where Python may look from a file, in order.
    fn roots(&self, file: &str) -> Vec<Root> {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let package_root = self.package_root(folder);
        let mut roots: Vec<Root> = Vec::new();
        let mut add = |folder: String, certain: bool| match roots
            .iter_mut()
            .find(|root| root.folder == folder)
        {
            Some(root) => root.certain |= certain,
            None => roots.push(Root { folder, certain }),
        };
        // A module of a package sees its neighbours only when it is started as a script.
        add(folder.to_owned(), folder == package_root);
        for ancestor in ancestors(folder) {
            let certain = ancestor == package_root || ancestor.is_empty();
            add(ancestor.to_owned(), certain);
            let src = join(ancestor, "src");
            if self.folders.contains(&src) {
                add(src, certain);
            }
        }
        for project in &self.projects {
            add(project.clone(), true);
            add(join(project, "src"), true);
        }
        for entry in &self.path_entries {
            add(entry.clone(), true);
        }
        roots
    }

    /// The parent of the topmost folder of the package that a folder belongs to.
    fn package_root<'a>(&self, folder: &'a str) -> &'a str {
        ancestors(folder)
            .find(|ancestor| !self.modules.contains(&join(ancestor, "__init__")))
            .unwrap_or("")
    }

    fn provides(&self, roots: &[Root], file: &str, import: &Import) -> bool {
        let top = import.module.top_level();
        let known = is_well_known(top);
        if !known && self.extensions.contains(top) {
            return true;
        }
        if !self.names.contains(top) {
            return false;
        }
        for root in roots {
            let base = join(&root.folder, top);
            let package = join(&base, "__init__");
            let module = if self.modules.contains(&package) {
                package
            } else if self.modules.contains(&base) {
                base.clone()
            } else {
                continue;
            };
            // A file does not import itself.
            let is_itself = file
                .rsplit_once('.')
                .is_some_and(|(stem, _)| stem == module);
            if is_itself && module == base {
                continue;
            }
            if !known || (root.certain && self.has_what_is_asked(&base, &module, import)) {
                return true;
            }
        }
        // Any installed package wins over a folder without `__init__.py`.
        roots.iter().any(|root| {
            let base = join(&root.folder, top);
            self.folders.contains(&base) && self.namespace_has(&base, import, known)
        })
    }

    /// Whether a module that bears the name of a well-known distribution is meant all the same.
    fn has_what_is_asked(&self, base: &str, module: &str, import: &Import) -> bool {
        if import.module.as_str() != import.module.top_level() {
            return self.has_submodule(base, import);
        }
        let Some(definitions) = self.definitions.get(module) else {
            return true;
        };
        let names = &import.names;
        definitions.open
            || names.is_empty()
            || names.iter().any(|name| {
                name == "*"
                    || definitions.names.contains(name)
                    || self.is_importable(&join(base, name))
            })
    }

    fn namespace_has(&self, base: &str, import: &Import, known: bool) -> bool {
        if import.module.as_str() != import.module.top_level() {
            return self.has_submodule(base, import);
        }
        if import.names.is_empty() {
            return !known;
        }
        let mut names = import.names.iter();
        names.any(|name| self.is_importable(&join(base, name)))
    }

    /// Whether `a.b` of `import a.b.c` is there; what lies deeper may be an attribute.
    fn has_submodule(&self, base: &str, import: &Import) -> bool {
        let mut parts = import.module.as_str().split('.').skip(1);
        parts
            .next()
            .is_some_and(|part| self.is_importable(&join(base, part)))
    }

    fn is_importable(&self, path: &str) -> bool {
        self.modules.contains(path) || self.folders.contains(path)
    }
}

fn is_notebook(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extension == "ipynb")
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// A folder and everything above it, up to the root, which is empty.
fn ancestors(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |folder| {
        (!folder.is_empty()).then(|| folder.rsplit_once('/').map_or("", |(parent, _)| parent))
    })
}

/// Whether the name of a module is that of a distribution in wide use, so that a local file of
/// the same name must show what is imported from it.
fn is_well_known(module: &str) -> bool {
    WELL_KNOWN.binary_search(&module).is_ok()
}

/// Whether what a file defines can decide an import: it has the name of a distribution.
pub(super) fn wants_definitions(file: &str) -> bool {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let module = stem.strip_suffix("/__init__").unwrap_or(stem);
    is_well_known(module.rsplit('/').next().unwrap_or(module))
}

/// Sorted.
const WELL_KNOWN: [&str; 148] = [
    "PIL",
    "absl",
    "accelerate",
    "aiohttp",
    "albumentations",
    "anthropic",
    "apex",
    "arrow",
    "attr",
    "attrs",
    "av",
    "bert_score",
    "bitsandbytes",
    "boto3",
    "bs4",
    "catboost",
    "click",
    "clip",
    "comet_ml",
    "cupy",
    "cv2",
    "dask",
    "datasets",
    "decord",
    "deepspeed",
    "detectron2",
    "dgl",
    "diffusers",
    "django",
    "docker",
    "dotenv",
    "einops",
    "evaluate",
    "fairseq",
    "faiss",
    "fastapi",
    "fire",
    "flash_attn",
    "flask",
    "flax",
    "ftfy",
    "gensim",
    "git",
    "gradio",
    "gym",
    "gymnasium",
    "h5py",
    "httpx",
    "huggingface_hub",
    "hydra",
    "imageio",
    "jax",
    "jiwer",
    "joblib",
    "jwt",
    "keras",
    "kornia",
    "langchain",
    "librosa",
    "lightgbm",
    "lightning",
    "lmdb",
    "loguru",
    "lpips",
    "lxml",
    "magic",
    "markdown",
    "matplotlib",
    "ml_collections",
    "mlflow",
    "mmcv",
    "moviepy",
    "mujoco",
    "neptune",
    "networkx",
    "nltk",
    "numba",
    "numpy",
    "omegaconf",
    "onnx",
    "onnxruntime",
    "open3d",
    "open_clip",
    "openai",
    "optax",
    "optuna",
    "pandas",
    "peft",
    "plotly",
    "polars",
    "psutil",
    "pyarrow",
    "pydantic",
    "pygame",
    "pytest",
    "pytorch_lightning",
    "ray",
    "redis",
    "regex",
    "requests",
    "rich",
    "rouge",
    "sacrebleu",
    "safetensors",
    "scipy",
    "seaborn",
    "segment_anything",
    "selenium",
    "sentence_transformers",
    "sentencepiece",
    "skimage",
    "sklearn",
    "soundfile",
    "spacy",
    "sqlalchemy",
    "statsmodels",
    "streamlit",
    "sympy",
    "tabulate",
    "tensorboard",
    "tensorboardX",
    "tensorflow",
    "termcolor",
    "tiktoken",
    "timm",
    "tokenizers",
    "toml",
    "torch",
    "torch_geometric",
    "torchaudio",
    "torchmetrics",
    "torchvision",
    "tqdm",
    "transformers",
    "trimesh",
    "triton",
    "trl",
    "typer",
    "ujson",
    "uvicorn",
    "vllm",
    "wandb",
    "websockets",
    "whisper",
    "xformers",
    "xgboost",
    "yaml",
    "zarr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        assert!(WELL_KNOWN.is_sorted());
    }
}
