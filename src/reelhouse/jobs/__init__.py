"""Jobs: asset bundles, tasks, values, conditions."""
