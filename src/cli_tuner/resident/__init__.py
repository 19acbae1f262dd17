"""The process that keeps a model and the guard warm. Started by clients, ends by itself."""
