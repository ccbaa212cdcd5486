package pages

// iconAsset is the plain name of a provider's picture among the assets; no file of ours has a slash in its name.
func iconAsset(provider string) string { return "provider/" + provider }

// Icon is where a provider's picture is served, empty if it has none.
func (v view) Icon(provider string) string { return v.Assets[iconAsset(provider)].path }
