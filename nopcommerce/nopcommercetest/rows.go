package nopcommercetest

import "encoding/json"

// The rows below hold the members of the published document in its order; the id comes
// last there. A pointer is a column that may be null.

// Activity is a line of the activity log: what staff and buyers did by hand.
type Activity struct {
	ActivityLogTypeID int     `json:"activity_log_type_id"`
	EntityID          *int    `json:"entity_id"`
	EntityName        *string `json:"entity_name"`
	CustomerID        int     `json:"customer_id"`
	Comment           *string `json:"comment"`
	CreatedOnUTC      Date    `json:"created_on_utc"`
	IPAddress         *string `json:"ip_address"`
	ID                int     `json:"id"`
}

// Address is an address; countries and states are ids of this shop.
type Address struct {
	FirstName        *string `json:"first_name"`
	LastName         *string `json:"last_name"`
	Email            *string `json:"email"`
	Company          *string `json:"company"`
	CountryID        *int    `json:"country_id"`
	StateProvinceID  *int    `json:"state_province_id"`
	County           *string `json:"county"`
	City             *string `json:"city"`
	Address1         *string `json:"address1"`
	Address2         *string `json:"address2"`
	ZipPostalCode    *string `json:"zip_postal_code"`
	PhoneNumber      *string `json:"phone_number"`
	FaxNumber        *string `json:"fax_number"`
	CustomAttributes *string `json:"custom_attributes"`
	CreatedOnUTC     Date    `json:"created_on_utc"`
	ID               int     `json:"id"`
}

// Country is a country of the shop.
type Country struct {
	Name               *string `json:"name"`
	AllowsBilling      bool    `json:"allows_billing"`
	AllowsShipping     bool    `json:"allows_shipping"`
	TwoLetterISOCode   *string `json:"two_letter_iso_code"`
	ThreeLetterISOCode *string `json:"three_letter_iso_code"`
	NumericISOCode     int     `json:"numeric_iso_code"`
	SubjectToVAT       bool    `json:"subject_to_vat"`
	Published          bool    `json:"published"`
	DisplayOrder       int     `json:"display_order"`
	LimitedToStores    bool    `json:"limited_to_stores"`
	ID                 int     `json:"id"`
}

// State is a state or province.
type State struct {
	CountryID    int     `json:"country_id"`
	Name         *string `json:"name"`
	Abbreviation *string `json:"abbreviation"`
	Published    bool    `json:"published"`
	DisplayOrder int     `json:"display_order"`
	ID           int     `json:"id"`
}

// Currency is a currency; Rate is how much of it one unit of the primary currency buys.
type Currency struct {
	Name             *string `json:"name"`
	CurrencyCode     *string `json:"currency_code"`
	Rate             Rate    `json:"rate"`
	DisplayLocale    *string `json:"display_locale"`
	CustomFormatting *string `json:"custom_formatting"`
	LimitedToStores  bool    `json:"limited_to_stores"`
	Published        bool    `json:"published"`
	DisplayOrder     int     `json:"display_order"`
	CreatedOnUTC     Date    `json:"created_on_utc"`
	UpdatedOnUTC     Date    `json:"updated_on_utc"`
	RoundingTypeID   int     `json:"rounding_type_id"`
	ID               int     `json:"id"`
}

// Customer is an account. A guest is one without an e-mail.
type Customer struct {
	CustomerGUID            string  `json:"customer_guid"`
	Username                *string `json:"username"`
	Email                   *string `json:"email"`
	EmailToRevalidate       *string `json:"email_to_revalidate"`
	AdminComment            *string `json:"admin_comment"`
	IsTaxExempt             bool    `json:"is_tax_exempt"`
	AffiliateID             int     `json:"affiliate_id"`
	VendorID                int     `json:"vendor_id"`
	HasShoppingCartItems    bool    `json:"has_shopping_cart_items"`
	RequireReLogin          bool    `json:"require_re_login"`
	FailedLoginAttempts     int     `json:"failed_login_attempts"`
	CannotLoginUntilDateUTC *Date   `json:"cannot_login_until_date_utc"`
	Active                  bool    `json:"active"`
	Deleted                 bool    `json:"deleted"`
	IsSystemAccount         bool    `json:"is_system_account"`
	SystemName              *string `json:"system_name"`
	LastIPAddress           *string `json:"last_ip_address"`
	CreatedOnUTC            Date    `json:"created_on_utc"`
	LastLoginDateUTC        *Date   `json:"last_login_date_utc"`
	LastActivityDateUTC     Date    `json:"last_activity_date_utc"`
	RegisteredInStoreID     int     `json:"registered_in_store_id"`
	BillingAddressID        *int    `json:"billing_address_id"`
	ShippingAddressID       *int    `json:"shipping_address_id"`
	*CustomerNames                  // from 4.60 on
	ID                      int     `json:"id"`

	// Custom are members of a custom build, see [Config].CustomMembers.
	Custom map[string]json.RawMessage `json:"-"`
}

// Attribute is a value that hangs on another row by the name of its table and its id.
type Attribute struct {
	EntityID                int     `json:"entity_id"`
	KeyGroup                *string `json:"key_group"`
	Key                     *string `json:"key"`
	Value                   *string `json:"value"`
	StoreID                 int     `json:"store_id"`
	CreatedOrUpdatedDateUTC *Date   `json:"created_or_updated_date_utc"`
	ID                      int     `json:"id"`
}

// Order is an order, with every column of its table. Amounts are in the primary store currency.
type Order struct {
	OrderGUID                               string  `json:"order_guid"`
	StoreID                                 int     `json:"store_id"`
	CustomerID                              int     `json:"customer_id"`
	BillingAddressID                        int     `json:"billing_address_id"`
	ShippingAddressID                       *int    `json:"shipping_address_id"`
	PickupAddressID                         *int    `json:"pickup_address_id"`
	PickupInStore                           bool    `json:"pickup_in_store"`
	OrderStatusID                           int     `json:"order_status_id"`
	ShippingStatusID                        int     `json:"shipping_status_id"`
	PaymentStatusID                         int     `json:"payment_status_id"`
	PaymentMethodSystemName                 *string `json:"payment_method_system_name"`
	CustomerCurrencyCode                    *string `json:"customer_currency_code"`
	CurrencyRate                            Rate    `json:"currency_rate"`
	CustomerTaxDisplayTypeID                int     `json:"customer_tax_display_type_id"`
	VATNumber                               *string `json:"vat_number"`
	OrderSubtotalInclTax                    Amount  `json:"order_subtotal_incl_tax"`
	OrderSubtotalExclTax                    Amount  `json:"order_subtotal_excl_tax"`
	OrderSubTotalDiscountInclTax            Amount  `json:"order_sub_total_discount_incl_tax"`
	OrderSubTotalDiscountExclTax            Amount  `json:"order_sub_total_discount_excl_tax"`
	OrderShippingInclTax                    Amount  `json:"order_shipping_incl_tax"`
	OrderShippingExclTax                    Amount  `json:"order_shipping_excl_tax"`
	PaymentMethodAdditionalFeeInclTax       Amount  `json:"payment_method_additional_fee_incl_tax"`
	PaymentMethodAdditionalFeeExclTax       Amount  `json:"payment_method_additional_fee_excl_tax"`
	TaxRates                                *string `json:"tax_rates"`
	OrderTax                                Amount  `json:"order_tax"`
	OrderDiscount                           Amount  `json:"order_discount"`
	OrderTotal                              Amount  `json:"order_total"`
	RefundedAmount                          Amount  `json:"refunded_amount"`
	RewardPointsHistoryEntryID              *int    `json:"reward_points_history_entry_id"`
	CheckoutAttributeDescription            *string `json:"checkout_attribute_description"`
	CheckoutAttributesXML                   *string `json:"checkout_attributes_xml"`
	CustomerLanguageID                      int     `json:"customer_language_id"`
	AffiliateID                             int     `json:"affiliate_id"`
	CustomerIP                              *string `json:"customer_ip"`
	AllowStoringCreditCardNumber            bool    `json:"allow_storing_credit_card_number"`
	CardType                                *string `json:"card_type"`
	CardName                                *string `json:"card_name"`
	CardNumber                              *string `json:"card_number"`
	MaskedCreditCardNumber                  *string `json:"masked_credit_card_number"`
	CardCVV2                                *string `json:"card_cvv2"`
	CardExpirationMonth                     *string `json:"card_expiration_month"`
	CardExpirationYear                      *string `json:"card_expiration_year"`
	AuthorizationTransactionID              *string `json:"authorization_transaction_id"`
	AuthorizationTransactionCode            *string `json:"authorization_transaction_code"`
	AuthorizationTransactionResult          *string `json:"authorization_transaction_result"`
	CaptureTransactionID                    *string `json:"capture_transaction_id"`
	CaptureTransactionResult                *string `json:"capture_transaction_result"`
	SubscriptionTransactionID               *string `json:"subscription_transaction_id"`
	PaidDateUTC                             *Date   `json:"paid_date_utc"`
	ShippingMethod                          *string `json:"shipping_method"`
	ShippingRateComputationMethodSystemName *string `json:"shipping_rate_computation_method_system_name"`
	CustomValuesXML                         *string `json:"custom_values_xml"`
	Deleted                                 bool    `json:"deleted"`
	CreatedOnUTC                            Date    `json:"created_on_utc"`
	CustomOrderNumber                       *string `json:"custom_order_number"`
	RedeemedRewardPointsEntryID             *int    `json:"redeemed_reward_points_entry_id"`
	ID                                      int     `json:"id"`

	// Custom are members of a custom build, see [Config].CustomMembers.
	Custom map[string]json.RawMessage `json:"-"`
}

// OrderItem is a row of an order. It has no SKU.
type OrderItem struct {
	OrderItemGUID         string  `json:"order_item_guid"`
	OrderID               int     `json:"order_id"`
	ProductID             int     `json:"product_id"`
	Quantity              int     `json:"quantity"`
	UnitPriceInclTax      Amount  `json:"unit_price_incl_tax"`
	UnitPriceExclTax      Amount  `json:"unit_price_excl_tax"`
	PriceInclTax          Amount  `json:"price_incl_tax"`
	PriceExclTax          Amount  `json:"price_excl_tax"`
	DiscountAmountInclTax Amount  `json:"discount_amount_incl_tax"`
	DiscountAmountExclTax Amount  `json:"discount_amount_excl_tax"`
	OriginalProductCost   Amount  `json:"original_product_cost"`
	AttributeDescription  *string `json:"attribute_description"`
	AttributesXML         *string `json:"attributes_xml"`
	DownloadCount         int     `json:"download_count"`
	IsDownloadActivated   bool    `json:"is_download_activated"`
	LicenseDownloadID     *int    `json:"license_download_id"`
	ItemWeight            *Amount `json:"item_weight"`
	RentalStartDateUTC    *Date   `json:"rental_start_date_utc"`
	RentalEndDateUTC      *Date   `json:"rental_end_date_utc"`
	ID                    int     `json:"id"`
}

// Note is a remark on an order.
type Note struct {
	OrderID           int     `json:"order_id"`
	Note              *string `json:"note"`
	DownloadID        int     `json:"download_id"`
	DisplayToCustomer bool    `json:"display_to_customer"`
	CreatedOnUTC      Date    `json:"created_on_utc"`
	ID                int     `json:"id"`
}

// Product is a product.
type Product struct {
	ProductTypeID                                          int     `json:"product_type_id"`
	ParentGroupedProductID                                 int     `json:"parent_grouped_product_id"`
	VisibleIndividually                                    bool    `json:"visible_individually"`
	Name                                                   *string `json:"name"`
	ShortDescription                                       *string `json:"short_description"`
	FullDescription                                        *string `json:"full_description"`
	AdminComment                                           *string `json:"admin_comment"`
	ProductTemplateID                                      int     `json:"product_template_id"`
	VendorID                                               int     `json:"vendor_id"`
	ShowOnHomepage                                         bool    `json:"show_on_homepage"`
	MetaKeywords                                           *string `json:"meta_keywords"`
	MetaDescription                                        *string `json:"meta_description"`
	MetaTitle                                              *string `json:"meta_title"`
	AllowCustomerReviews                                   bool    `json:"allow_customer_reviews"`
	ApprovedRatingSum                                      int     `json:"approved_rating_sum"`
	NotApprovedRatingSum                                   int     `json:"not_approved_rating_sum"`
	ApprovedTotalReviews                                   int     `json:"approved_total_reviews"`
	NotApprovedTotalReviews                                int     `json:"not_approved_total_reviews"`
	SubjectToACL                                           bool    `json:"subject_to_acl"`
	LimitedToStores                                        bool    `json:"limited_to_stores"`
	SKU                                                    *string `json:"sku"`
	ManufacturerPartNumber                                 *string `json:"manufacturer_part_number"`
	GTIN                                                   *string `json:"gtin"`
	IsGiftCard                                             bool    `json:"is_gift_card"`
	GiftCardTypeID                                         int     `json:"gift_card_type_id"`
	OverriddenGiftCardAmount                               *Amount `json:"overridden_gift_card_amount"`
	RequireOtherProducts                                   bool    `json:"require_other_products"`
	RequiredProductIDs                                     *string `json:"required_product_ids"`
	AutomaticallyAddRequiredProducts                       bool    `json:"automatically_add_required_products"`
	IsDownload                                             bool    `json:"is_download"`
	DownloadID                                             int     `json:"download_id"`
	UnlimitedDownloads                                     bool    `json:"unlimited_downloads"`
	MaxNumberOfDownloads                                   int     `json:"max_number_of_downloads"`
	DownloadExpirationDays                                 *int    `json:"download_expiration_days"`
	DownloadActivationTypeID                               int     `json:"download_activation_type_id"`
	HasSampleDownload                                      bool    `json:"has_sample_download"`
	SampleDownloadID                                       int     `json:"sample_download_id"`
	HasUserAgreement                                       bool    `json:"has_user_agreement"`
	UserAgreementText                                      *string `json:"user_agreement_text"`
	IsRecurring                                            bool    `json:"is_recurring"`
	RecurringCycleLength                                   int     `json:"recurring_cycle_length"`
	RecurringCyclePeriodID                                 int     `json:"recurring_cycle_period_id"`
	RecurringTotalCycles                                   int     `json:"recurring_total_cycles"`
	IsRental                                               bool    `json:"is_rental"`
	RentalPriceLength                                      int     `json:"rental_price_length"`
	RentalPricePeriodID                                    int     `json:"rental_price_period_id"`
	IsShipEnabled                                          bool    `json:"is_ship_enabled"`
	IsFreeShipping                                         bool    `json:"is_free_shipping"`
	ShipSeparately                                         bool    `json:"ship_separately"`
	AdditionalShippingCharge                               Amount  `json:"additional_shipping_charge"`
	DeliveryDateID                                         int     `json:"delivery_date_id"`
	IsTaxExempt                                            bool    `json:"is_tax_exempt"`
	TaxCategoryID                                          int     `json:"tax_category_id"`
	IsTelecommunicationsOrBroadcastingOrElectronicServices bool    `json:"is_telecommunications_or_broadcasting_or_electronic_services"`
	ManageInventoryMethodID                                int     `json:"manage_inventory_method_id"`
	ProductAvailabilityRangeID                             int     `json:"product_availability_range_id"`
	UseMultipleWarehouses                                  bool    `json:"use_multiple_warehouses"`
	WarehouseID                                            int     `json:"warehouse_id"`
	StockQuantity                                          int     `json:"stock_quantity"`
	DisplayStockAvailability                               bool    `json:"display_stock_availability"`
	DisplayStockQuantity                                   bool    `json:"display_stock_quantity"`
	MinStockQuantity                                       int     `json:"min_stock_quantity"`
	LowStockActivityID                                     int     `json:"low_stock_activity_id"`
	NotifyAdminForQuantityBelow                            int     `json:"notify_admin_for_quantity_below"`
	BackorderModeID                                        int     `json:"backorder_mode_id"`
	AllowBackInStockSubscriptions                          bool    `json:"allow_back_in_stock_subscriptions"`
	OrderMinimumQuantity                                   int     `json:"order_minimum_quantity"`
	OrderMaximumQuantity                                   int     `json:"order_maximum_quantity"`
	AllowedQuantities                                      *string `json:"allowed_quantities"`
	AllowAddingOnlyExistingAttributeCombinations           bool    `json:"allow_adding_only_existing_attribute_combinations"`
	NotReturnable                                          bool    `json:"not_returnable"`
	DisableBuyButton                                       bool    `json:"disable_buy_button"`
	DisableWishlistButton                                  bool    `json:"disable_wishlist_button"`
	AvailableForPreOrder                                   bool    `json:"available_for_pre_order"`
	PreOrderAvailabilityStartDateTimeUTC                   *Date   `json:"pre_order_availability_start_date_time_utc"`
	CallForPrice                                           bool    `json:"call_for_price"`
	Price                                                  Amount  `json:"price"`
	OldPrice                                               Amount  `json:"old_price"`
	ProductCost                                            Amount  `json:"product_cost"`
	CustomerEntersPrice                                    bool    `json:"customer_enters_price"`
	MinimumCustomerEnteredPrice                            Amount  `json:"minimum_customer_entered_price"`
	MaximumCustomerEnteredPrice                            Amount  `json:"maximum_customer_entered_price"`
	BasepriceEnabled                                       bool    `json:"baseprice_enabled"`
	BasepriceAmount                                        Amount  `json:"baseprice_amount"`
	BasepriceUnitID                                        int     `json:"baseprice_unit_id"`
	BasepriceBaseAmount                                    Amount  `json:"baseprice_base_amount"`
	BasepriceBaseUnitID                                    int     `json:"baseprice_base_unit_id"`
	MarkAsNew                                              bool    `json:"mark_as_new"`
	MarkAsNewStartDateTimeUTC                              *Date   `json:"mark_as_new_start_date_time_utc"`
	MarkAsNewEndDateTimeUTC                                *Date   `json:"mark_as_new_end_date_time_utc"`
	HasTierPrices                                          bool    `json:"has_tier_prices"`
	HasDiscountsApplied                                    bool    `json:"has_discounts_applied"`
	Weight                                                 Amount  `json:"weight"`
	Length                                                 Amount  `json:"length"`
	Width                                                  Amount  `json:"width"`
	Height                                                 Amount  `json:"height"`
	AvailableStartDateTimeUTC                              *Date   `json:"available_start_date_time_utc"`
	AvailableEndDateTimeUTC                                *Date   `json:"available_end_date_time_utc"`
	DisplayOrder                                           int     `json:"display_order"`
	Published                                              bool    `json:"published"`
	Deleted                                                bool    `json:"deleted"`
	CreatedOnUTC                                           Date    `json:"created_on_utc"`
	UpdatedOnUTC                                           Date    `json:"updated_on_utc"`
	ID                                                     int     `json:"id"`

	// Custom are members of a custom build, see [Config].CustomMembers.
	Custom map[string]json.RawMessage `json:"-"`
}

// Combination is a choice of a product's attributes with its own SKU and stock.
type Combination struct {
	ProductID                   int     `json:"product_id"`
	AttributesXML               *string `json:"attributes_xml"`
	StockQuantity               int     `json:"stock_quantity"`
	AllowOutOfStockOrders       bool    `json:"allow_out_of_stock_orders"`
	SKU                         *string `json:"sku"`
	ManufacturerPartNumber      *string `json:"manufacturer_part_number"`
	GTIN                        *string `json:"gtin"`
	OverriddenPrice             *Amount `json:"overridden_price"`
	NotifyAdminForQuantityBelow int     `json:"notify_admin_for_quantity_below"`
	PictureID                   int     `json:"picture_id"`
	MinStockQuantity            int     `json:"min_stock_quantity"`
	ID                          int     `json:"id"`
}

// Inventory is what lies of a product in a warehouse.
type Inventory struct {
	ProductID        int `json:"product_id"`
	WarehouseID      int `json:"warehouse_id"`
	StockQuantity    int `json:"stock_quantity"`
	ReservedQuantity int `json:"reserved_quantity"`
	ID               int `json:"id"`
}

// StockChange is a line of a product's stock history.
type StockChange struct {
	QuantityAdjustment int     `json:"quantity_adjustment"`
	StockQuantity      int     `json:"stock_quantity"`
	Message            *string `json:"message"`
	CreatedOnUTC       Date    `json:"created_on_utc"`
	ProductID          int     `json:"product_id"`
	CombinationID      *int    `json:"combination_id"`
	WarehouseID        *int    `json:"warehouse_id"`
	ID                 int     `json:"id"`
}

// RecurringPayment is a subscription that an order started.
type RecurringPayment struct {
	CycleLength       int  `json:"cycle_length"`
	CyclePeriodID     int  `json:"cycle_period_id"`
	TotalCycles       int  `json:"total_cycles"`
	StartDateUTC      Date `json:"start_date_utc"`
	IsActive          bool `json:"is_active"`
	LastPaymentFailed bool `json:"last_payment_failed"`
	Deleted           bool `json:"deleted"`
	InitialOrderID    int  `json:"initial_order_id"`
	CreatedOnUTC      Date `json:"created_on_utc"`
	ID                int  `json:"id"`
}

// RecurringOrder is an order of a subscription.
type RecurringOrder struct {
	RecurringPaymentID int  `json:"recurring_payment_id"`
	OrderID            int  `json:"order_id"`
	CreatedOnUTC       Date `json:"created_on_utc"`
	ID                 int  `json:"id"`
}

// ReturnRequest is a ticket for one row of an order; it moves neither money nor goods.
type ReturnRequest struct {
	CustomNumber          *string `json:"custom_number"`
	StoreID               int     `json:"store_id"`
	OrderItemID           int     `json:"order_item_id"`
	CustomerID            int     `json:"customer_id"`
	Quantity              int     `json:"quantity"`
	ReasonForReturn       *string `json:"reason_for_return"`
	RequestedAction       *string `json:"requested_action"`
	CustomerComments      *string `json:"customer_comments"`
	UploadedFileID        int     `json:"uploaded_file_id"`
	StaffNotes            *string `json:"staff_notes"`
	ReturnRequestStatusID int     `json:"return_request_status_id"`
	CreatedOnUTC          Date    `json:"created_on_utc"`
	UpdatedOnUTC          Date    `json:"updated_on_utc"`
	*ReturnCount                  // from 4.90 on
	ID                    int     `json:"id"`
}

// ReturnAction is what a buyer may ask for with a return.
type ReturnAction struct {
	Name         *string `json:"name"`
	DisplayOrder int     `json:"display_order"`
	ID           int     `json:"id"`
}

// ReturnReason is why a buyer may return.
type ReturnReason struct {
	Name         *string `json:"name"`
	DisplayOrder int     `json:"display_order"`
	ID           int     `json:"id"`
}

// Shipment is a parcel of an order.
type Shipment struct {
	OrderID         int     `json:"order_id"`
	TrackingNumber  *string `json:"tracking_number"`
	TotalWeight     *Amount `json:"total_weight"`
	ShippedDateUTC  *Date   `json:"shipped_date_utc"`
	DeliveryDateUTC *Date   `json:"delivery_date_utc"`
	AdminComment    *string `json:"admin_comment"`
	CreatedOnUTC    Date    `json:"created_on_utc"`
	*ShipmentPickup         // from 4.60 on
	ID              int     `json:"id"`
}

// ShipmentItem is what a parcel holds.
type ShipmentItem struct {
	ShipmentID  int `json:"shipment_id"`
	OrderItemID int `json:"order_item_id"`
	Quantity    int `json:"quantity"`
	WarehouseID int `json:"warehouse_id"`
	ID          int `json:"id"`
}

// ShippingMethod is a way to ship.
type ShippingMethod struct {
	Name         *string `json:"name"`
	Description  *string `json:"description"`
	DisplayOrder int     `json:"display_order"`
	ID           int     `json:"id"`
}

// Store is one of the stores of a shop.
type Store struct {
	Name               *string `json:"name"`
	URL                *string `json:"url"`
	SSLEnabled         bool    `json:"ssl_enabled"`
	Hosts              *string `json:"hosts"`
	DefaultLanguageID  int     `json:"default_language_id"`
	DisplayOrder       int     `json:"display_order"`
	CompanyName        *string `json:"company_name"`
	CompanyAddress     *string `json:"company_address"`
	CompanyPhoneNumber *string `json:"company_phone_number"`
	CompanyVAT         *string `json:"company_vat"`
	ID                 int     `json:"id"`
}

// Warehouse is a warehouse.
type Warehouse struct {
	Name         *string `json:"name"`
	AdminComment *string `json:"admin_comment"`
	AddressID    int     `json:"address_id"`
	ID           int     `json:"id"`
}

// CustomerNames are the columns that accounts have had since 4.60. Before, they were
// generic attributes.
type CustomerNames struct {
	FirstName                   *string `json:"first_name"`
	LastName                    *string `json:"last_name"`
	Gender                      *string `json:"gender"`
	DateOfBirth                 *Date   `json:"date_of_birth"`
	Company                     *string `json:"company"`
	StreetAddress               *string `json:"street_address"`
	StreetAddress2              *string `json:"street_address2"`
	ZipPostalCode               *string `json:"zip_postal_code"`
	City                        *string `json:"city"`
	County                      *string `json:"county"`
	CountryID                   int     `json:"country_id"`
	StateProvinceID             int     `json:"state_province_id"`
	Phone                       *string `json:"phone"`
	Fax                         *string `json:"fax"`
	VATNumber                   *string `json:"vat_number"`
	VATNumberStatusID           int     `json:"vat_number_status_id"`
	TimeZoneID                  *string `json:"time_zone_id"`
	CustomCustomerAttributesXML *string `json:"custom_customer_attributes_xml"`
	CurrencyID                  *int    `json:"currency_id"`
	LanguageID                  *int    `json:"language_id"`
	TaxDisplayTypeID            *int    `json:"tax_display_type_id"`
}

// ShipmentPickup is the column that shipments have had since 4.60.
type ShipmentPickup struct {
	ReadyForPickupDateUTC *Date `json:"ready_for_pickup_date_utc"`
}

// ReturnCount is the column that return requests have had since 4.90.
type ReturnCount struct {
	ReturnedQuantity int `json:"returned_quantity"`
}

func (a *Activity) key() *int         { return &a.ID }
func (a *Address) key() *int          { return &a.ID }
func (c *Country) key() *int          { return &c.ID }
func (s *State) key() *int            { return &s.ID }
func (c *Currency) key() *int         { return &c.ID }
func (c *Customer) key() *int         { return &c.ID }
func (a *Attribute) key() *int        { return &a.ID }
func (o *Order) key() *int            { return &o.ID }
func (o *OrderItem) key() *int        { return &o.ID }
func (n *Note) key() *int             { return &n.ID }
func (p *Product) key() *int          { return &p.ID }
func (c *Combination) key() *int      { return &c.ID }
func (i *Inventory) key() *int        { return &i.ID }
func (s *StockChange) key() *int      { return &s.ID }
func (r *RecurringPayment) key() *int { return &r.ID }
func (r *RecurringOrder) key() *int   { return &r.ID }
func (r *ReturnRequest) key() *int    { return &r.ID }
func (r *ReturnAction) key() *int     { return &r.ID }
func (r *ReturnReason) key() *int     { return &r.ID }
func (s *Shipment) key() *int         { return &s.ID }
func (s *ShipmentItem) key() *int     { return &s.ID }
func (s *ShippingMethod) key() *int   { return &s.ID }
func (s *Store) key() *int            { return &s.ID }
func (w *Warehouse) key() *int        { return &w.ID }
