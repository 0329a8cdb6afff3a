"""Guards against what rots unseen: determinism, contracts, names, and the tree itself."""
