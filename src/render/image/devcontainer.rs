//! `.devcontainer.json`: the Dockerfile's environment stage, never a second recipe.

use serde_json::{Map, Value, json};

use super::steps::suite;
use super::{Body, Recipe};

pub(super) fn render(recipe: &Recipe<'_>) -> Result<Body, String> {
    recipe.linux_only()?;
    // what the Dockerfile refuses, this refuses
    suite(recipe)?;
    let mut file = Map::new();
    file.insert("name".to_owned(), json!(recipe.name()));
    file.insert(
        "build".to_owned(),
        json!({"dockerfile": "Dockerfile", "context": ".", "target": "environment"}),
    );
    if recipe.gpu() {
        // `true` would shut out hosts without one
        file.insert("hostRequirements".to_owned(), json!({"gpu": "optional"}));
    }
    if !recipe.spec.variables.set.is_empty() {
        let set = recipe.spec.variables.set.iter();
        let set: Map<String, Value> = set
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        file.insert("containerEnv".to_owned(), Value::Object(set));
    }
    file.insert("remoteUser".to_owned(), json!("app"));
    let text = serde_json::to_string_pretty(&Value::Object(file)).map_err(|e| e.to_string())?;
    let mut not_expressible: Vec<String> = recipe.driver().into_iter().collect();
    not_expressible.extend(recipe.beyond());
    Ok(Body {
        text: text + "\n",
        not_expressible,
    })
}
