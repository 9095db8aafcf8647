"""The operator's question: which pumps can reach a call, how soon, how sure."""
