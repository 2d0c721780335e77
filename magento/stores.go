package magento

import "context"

// Stores reads websites, groups and views. Id 0 is the admin's.
type Stores struct{ cl *Client }

// Website is the widest scope: customers and base currency belong to it.
type Website struct {
	ID             ID     `json:"id"`
	Code           string `json:"code"`
	Name           string `json:"name"`
	DefaultGroupID ID     `json:"default_group_id"`
}

// StoreGroup joins the views of a website that show one catalogue.
type StoreGroup struct {
	ID             ID     `json:"id"`
	WebsiteID      ID     `json:"website_id"`
	RootCategoryID ID     `json:"root_category_id"`
	DefaultStoreID ID     `json:"default_store_id"`
	Name           string `json:"name"`
	Code           string `json:"code"`
}

// StoreView is what an order's store_id names: a language or currency of a group.
type StoreView struct {
	ID           ID     `json:"id"`
	Code         string `json:"code"`
	Name         string `json:"name"`
	WebsiteID    ID     `json:"website_id"`
	StoreGroupID ID     `json:"store_group_id"`
	IsActive     Flag   `json:"is_active"`
}

// StoreConfig is the configuration of a view.
type StoreConfig struct {
	ID                         ID     `json:"id"`
	Code                       string `json:"code"`
	WebsiteID                  ID     `json:"website_id"`
	Locale                     string `json:"locale"` // "de_DE"
	BaseCurrencyCode           string `json:"base_currency_code"`
	DefaultDisplayCurrencyCode string `json:"default_display_currency_code"`
	Timezone                   string `json:"timezone"` // for people; REST speaks UTC
	WeightUnit                 string `json:"weight_unit"`
	BaseURL                    string `json:"base_url"`
	SecureBaseURL              string `json:"secure_base_url"`
}

// Websites returns all websites.
func (s *Stores) Websites(ctx context.Context) ([]Website, error) {
	var out []Website
	err := s.cl.read(ctx, "list websites", "/store/websites", nil, &out)
	return out, err
}

// Groups returns all store groups.
func (s *Stores) Groups(ctx context.Context) ([]StoreGroup, error) {
	var out []StoreGroup
	err := s.cl.read(ctx, "list store groups", "/store/storeGroups", nil, &out)
	return out, err
}

// Views returns all store views.
func (s *Stores) Views(ctx context.Context) ([]StoreView, error) {
	var out []StoreView
	err := s.cl.read(ctx, "list store views", "/store/storeViews", nil, &out)
	return out, err
}

// Configs returns the configuration of the views with these codes, or of all. A code
// that does not exist is left out without an error.
func (s *Stores) Configs(ctx context.Context, codes ...string) ([]StoreConfig, error) {
	var q params
	for _, c := range codes {
		q = append(q, param{"storeCodes[]", c})
	}
	var out []StoreConfig
	err := s.cl.read(ctx, "list store configs", "/store/storeConfigs", q, &out)
	return out, err
}

// Modules returns the names of the modules that are installed, such as Magento_Rma of
// Adobe Commerce. The route takes no page: it answers all.
func (s *Stores) Modules(ctx context.Context) ([]string, error) {
	var out []string
	err := s.cl.read(ctx, "list modules", "/modules", nil, &out)
	return out, err
}
