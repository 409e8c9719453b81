"""REST endpoints as source and sink of a Copy: pages, the rules that lead from one to the next, batches."""
