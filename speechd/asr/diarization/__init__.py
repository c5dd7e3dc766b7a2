"""Who speaks when: windows of speech to embeddings, embeddings to speakers, speakers to turns."""
