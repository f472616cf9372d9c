//! Component types of Langflow that are left out on purpose, each with its reason.

/// Models that run inside the process.
const LOCAL_MODEL: &str =
    "it loads a model into the process; serve the model with Ollama or vLLM and use that node";
/// Remote vector stores that wait for their form.
const STORE: &str = "this vector store is not connected yet; Chroma, FAISS, pgvector, Qdrant, Pinecone, Astra DB and S3 Vectors are";
/// Services that were closed.
const CLOSED: &str = "the service was closed by its maker";
/// Readers of a machine's own folders and tools.
const LOCAL_FOLDER: &str =
    "it reads a folder of the machine that Langflow runs on; upload the files and use FileLoader";

/// Type and reason, sorted by type.
pub const UNSUPPORTED: &[(&str, &str)] = &[
    ("AmazonKendra", "it needs the search service of an AWS account; use a retriever over S3 Vectors"),
    ("BaiduQianfanChatEndpoints", "the provider's protocol is not spoken yet"),
    ("BaiduQianfanLLMEndpoints", "the provider's protocol is not spoken yet"),
    ("CTransformers", LOCAL_MODEL),
    ("GitLoader", LOCAL_FOLDER),
    ("LlamaCpp", LOCAL_MODEL),
    ("MetalRetriever", CLOSED),
    ("MongoDBAtlasVectorSearch", STORE),
    ("MongoDBChatMessageHistory", "MongoDB is not connected yet; conversations are kept without it"),
    ("MotorheadMemory", CLOSED),
    ("Redis", STORE),
    ("SlackDirectoryLoader", LOCAL_FOLDER),
    ("SupabaseVectorStore", STORE),
    ("Vectara", STORE),
    ("VectaraSelfQueryRetriver", STORE),
    ("Weaviate", STORE),
];
