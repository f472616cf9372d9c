//! Fields that take a capability: what an edge carries is taken as it is, and has to be of the kind that the field wants.

use std::any::Any;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, de};

use super::LazyValue;
use crate::capability::{
    Capability, Chain, ChatModel, Embedder, Memory, Nearest, Object, Retriever, Tool, VectorStore,
};
use crate::component::handles;
use crate::prompt::Prompt;
use crate::value::Value;

macro_rules! capability_inputs {
    ($($variant:ident, $type:ty, $wanted:literal;)*) => {$(
        impl<'de> Deserialize<'de> for handles::$variant {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match LazyValue::deserialize(deserializer)?.0 {
                    Value::Capability(Capability::$variant(inner)) => Ok(Self(inner)),
                    other => Err(de::Error::custom(format!(concat!("expected ", $wanted, ", found {}"), other.kind()))),
                }
            }
        }

        impl std::ops::Deref for handles::$variant {
            type Target = std::sync::Arc<$type>;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    )*};
}

capability_inputs! {
    ChatModel, dyn ChatModel, "a language model";
    Memory, dyn Memory, "a memory";
    Prompt, Prompt, "a prompt";
    Chain, dyn Chain, "a chain";
    Embedder, dyn Embedder, "an embedding model";
    Tool, dyn Tool, "a tool";
    VectorStore, dyn VectorStore, "a vector store";
}

impl<'de> Deserialize<'de> for handles::Retriever {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match LazyValue::deserialize(deserializer)?.0 {
            Value::Capability(Capability::Retriever(retriever)) => Ok(Self(retriever)),
            Value::Capability(Capability::VectorStore(store)) => Ok(Self(Arc::new(Nearest(store)))),
            other => {
                let message = format!("expected a retriever or a vector store, found {}", other.kind());
                Err(de::Error::custom(message))
            }
        }
    }
}

impl std::ops::Deref for handles::Retriever {
    type Target = Arc<dyn Retriever>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'de, T: Object> Deserialize<'de> for handles::Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = LazyValue::deserialize(deserializer)?.0;
        let found = value.kind();
        let unfit = || de::Error::custom(format!("{found} does not fit here"));
        let Value::Capability(Capability::Object(object)) = value else { return Err(unfit()) };
        let any: Arc<dyn Any + Send + Sync> = object;
        any.downcast().map(Self).map_err(|_| unfit())
    }
}

impl<T> std::ops::Deref for handles::Object<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> Clone for handles::Object<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
