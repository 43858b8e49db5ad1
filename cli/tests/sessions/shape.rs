//! What may stand in each field of the identity API's objects: as an OpenAPI description says, and as it was seen in JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// For the path of each field (`session.last_error.code`), what may stand there: `absent`, `null`, a type of JSON, the name of an object
/// of the API, or the values of an enum.
pub(crate) type Fields = BTreeMap<String, BTreeSet<String>>;

/// Prefix of the API's names of objects; lists have none.
const OBJECTS: &str = "identity.verification_";

/// The calls that list.
const LISTS: [&str; 2] = [
    "/v1/identity/verification_sessions",
    "/v1/identity/verification_reports",
];

/// Sessions, reports and lists of them, as a description of the API has them. A field that is nullable is `null` when it is empty, one
/// that is optional alone is absent.
pub(crate) fn described(openapi: &Value) -> Fields {
    let mut fields = Fields::new();
    for object in ["session", "report"] {
        let schema = &openapi["components"]["schemas"][format!("{OBJECTS}{object}")];
        describe(openapi, object, schema, &mut fields);
    }
    for list in LISTS {
        let schema = &openapi["paths"][list]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        describe(openapi, "list", schema, &mut fields);
    }
    fields
}

fn describe(openapi: &Value, path: &str, schema: &Value, fields: &mut Fields) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        match name.strip_prefix(OBJECTS) {
            Some(object) => add(fields, path, object),
            None => describe(openapi, path, &openapi["components"]["schemas"][name], fields),
        }
        return;
    }
    if let Some(either) = schema["anyOf"].as_array() {
        for schema in either {
            describe(openapi, path, schema, fields);
        }
        return;
    }
    if let Some(values) = schema["enum"].as_array() {
        for value in values.iter().filter_map(Value::as_str) {
            add(fields, path, value);
        }
        return;
    }
    let kind = schema["type"].as_str().unwrap_or_default();
    // Each of the API's own objects begins a path.
    if path.contains('.') {
        add(fields, path, kind);
    }
    if schema["items"].is_object() {
        describe(openapi, &format!("{path}[]"), &schema["items"], fields);
    }
    if schema["additionalProperties"].is_object() {
        describe(openapi, &format!("{path}.*"), &schema["additionalProperties"], fields);
    }
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        describe(openapi, &path, schema, fields);
        if schema["nullable"] == true {
            add(fields, &path, "null");
        } else if !required.contains(&&Value::from(name.as_str())) {
            add(fields, &path, "absent");
        }
    }
}

fn add(fields: &mut Fields, path: &str, what: &str) {
    fields.entry(path.to_owned()).or_default().insert(what.to_owned());
}

/// Collects what is seen. Of a field that is not described its type is noted, not what is in it.
pub(crate) struct Observed<'a> {
    described: &'a Fields,
    fields: Fields,
    /// How often there was an object at a path, and how often a field.
    objects: BTreeMap<String, usize>,
    stood: BTreeMap<String, usize>,
}

impl<'a> Observed<'a> {
    pub(crate) fn new(described: &'a Fields) -> Self {
        Self {
            described,
            fields: Fields::new(),
            objects: BTreeMap::new(),
            stood: BTreeMap::new(),
        }
    }

    /// Looks at an object of the API, and at those within it.
    ///
    /// # Panics
    /// When it is none.
    pub(crate) fn observe(&mut self, value: &Value) {
        let name = object(value).unwrap_or_else(|| panic!("no object of the API: {value}"));
        self.fields_of(name, value.as_object().expect("an object"));
    }

    fn fields_of(&mut self, path: &str, fields: &Map<String, Value>) {
        *self.objects.entry(path.to_owned()).or_default() += 1;
        let any = format!("{path}.*");
        for (name, value) in fields {
            if self.described.contains_key(&any) {
                self.see(&any, value);
            } else {
                let path = format!("{path}.{name}");
                *self.stood.entry(path.clone()).or_default() += 1;
                self.see(&path, value);
            }
        }
    }

    fn see(&mut self, path: &str, value: &Value) {
        let described = self.described.get(path);
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(text) if described.is_some_and(|kinds| !kinds.contains("string")) => text,
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => object(value).unwrap_or("object"),
        };
        add(&mut self.fields, path, kind);
        if described.is_none() {
            return;
        }
        match value {
            Value::Array(items) => {
                for item in items {
                    self.see(&format!("{path}[]"), item);
                }
            }
            Value::Object(_) if object(value).is_some() => self.observe(value),
            Value::Object(fields) => self.fields_of(path, fields),
            _ => {}
        }
    }

    /// All that was seen. A field that an object lacked is absent.
    pub(crate) fn fields(mut self) -> Fields {
        for path in self.described.keys().chain(self.stood.keys()) {
            let times = self.stood.get(path).unwrap_or(&0);
            if let Some((object, name)) = path.rsplit_once('.')
                && name != "*"
                && !name.ends_with("[]")
                && self.objects.get(object).is_some_and(|objects| times < objects)
            {
                add(&mut self.fields, path, "absent");
            }
        }
        self.fields
    }
}

/// The name of one of the API's own objects.
fn object(value: &Value) -> Option<&str> {
    let name = value["object"].as_str()?;
    Some(name.strip_prefix(OBJECTS).unwrap_or(name))
}

/// A field in which something may stand on one side alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    pub(crate) field: String,
    pub(crate) there: BTreeSet<String>,
    pub(crate) here: BTreeSet<String>,
}

/// All differences; of what one side lacks, not also what is in it.
pub(crate) fn differences(there: &Fields, here: &Fields) -> BTreeSet<Difference> {
    let known = |path: &str| {
        let object = path.strip_suffix("[]").or_else(|| Some(path.rsplit_once('.')?.0));
        object.is_none_or(|object| !object.contains('.') || there.contains_key(object) && here.contains_key(object))
    };
    let mut paths: BTreeSet<_> = there.keys().chain(here.keys()).collect();
    paths.retain(|path| known(path));
    let none = BTreeSet::new();
    let difference = |path: &String| {
        let [there, here] = [there, here].map(|fields| fields.get(path).unwrap_or(&none));
        Difference {
            field: path.clone(),
            there: there - here,
            here: here - there,
        }
    };
    paths
        .into_iter()
        .map(difference)
        .filter(|difference| difference.there != difference.here)
        .collect()
}
