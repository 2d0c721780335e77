package nopcommercetest

import "slices"

const (
	pages  = " pageIndex:int pageSize:int"
	total  = " getOnlyTotalCount:bool"
	period = " createdFromUtc:date createdToUtc:date"
	amount = "amountToRefund:num!"
	notify = "notifyCustomer:bool!"
)

// routes are the actions of the official API that the shop has.
var routes []route

func init() {
	routes = slices.Concat(
		[]route{{method: "POST", path: tokenPath, body: true, serve: (*Shop).serveToken}},
		orderRoutes(), processingRoutes(), shipmentRoutes(), customerRoutes(), directoryRoutes(), productRoutes(), returnRoutes(), recurringRoutes(),
	)
}

func orderRoutes() []route {
	return slices.Concat(
		crud("Order", "gcud", func(t *tables) *table[Order, *Order] { return &t.orders }),
		crud("OrderItem", "gcud", func(t *tables) *table[OrderItem, *OrderItem] { return &t.items }),
		crud("OrderNote", "gcd", func(t *tables) *table[Note, *Note] { return &t.notes }),
		crud("GenericAttribute", "gcud", func(t *tables) *table[Attribute, *Attribute] { return &t.attributes }),
		crud("ActivityLog", "g", func(t *tables) *table[Activity, *Activity] { return &t.activities }),
		[]route{
			{method: "GET", path: "/Order/GetByIds/{ids}", serve: func(s *Shop, r *request) (any, *failure) { return byIDs(&s.orders, r.ids), nil }},
			{method: "GET", path: "/Order/GetOrdersByGuids/{guids}", since: 460, serve: (*Shop).serveOrdersByGUIDs},
			{method: "GET", path: "/Order/GetByGuid", query: "guid:guid!", serve: (*Shop).serveOrderByGUID},
			{method: "GET", path: "/Order/GetByCustomOrderNumber", query: "customOrderNumber:text!", serve: (*Shop).serveOrderByNumber},
			{method: "GET", path: "/Order/GetByOrderItem/{orderItemId}", serve: (*Shop).serveOrderByItem},
			{method: "GET", path: "/Order/Search", query: "storeId:int vendorId:int customerId:int productId:int affiliateId:int warehouseId:int billingCountryId:int paymentMethodSystemName:text" +
				period + " osIds:text psIds:text ssIds:text billingPhone:text billingEmail:text billingLastName:text orderNotes:text" + pages + total, serve: (*Shop).serveOrders},
			{method: "GET", path: "/Order/ParseTaxRates/{orderId}", query: "taxRates:text!", serve: (*Shop).serveTaxRates},
			{method: "GET", path: "/Order/HasItemsToAddToShipment/{orderId}", serve: ofOrder((*Shop).hasToAdd)},
			{method: "GET", path: "/Order/HasItemsToShip/{orderId}", serve: ofOrder((*Shop).hasToShip)},
			{method: "GET", path: "/Order/HasItemsToDeliver/{orderId}", serve: ofOrder((*Shop).hasToDeliver)},
			{method: "GET", path: "/OrderItem/GetOrderItems/{orderId}", query: "isNotReturnable:bool isShipEnabled:bool vendorId:int", serve: (*Shop).serveItems},
			{method: "GET", path: "/OrderItem/GetProductByOrderItemId/{id}", serve: (*Shop).serveItemProduct},
			{method: "GET", path: "/OrderItem/GetByGuid", query: "guid:guid!", serve: (*Shop).serveItemByGUID},
			{method: "GET", path: "/OrderItem/GetOrderItemsByCustomer/{customerId}", serve: (*Shop).serveItemsOfCustomer},
			{method: "GET", path: "/OrderItem/GetTotalNumberOfItemsInAllShipments/{orderItemId}", serve: ofItem((*Shop).inShipments)},
			{method: "GET", path: "/OrderItem/GetTotalNumberOfItemsCanBeAddedToShipment/{orderItemId}", serve: ofItem((*Shop).toAdd)},
			{method: "GET", path: "/OrderNote/GetOrderNotesByOrderId/{orderId}", query: "displayToCustomer:bool", serve: (*Shop).serveNotes},
			{method: "GET", path: "/OrderNote/FormatOrderNoteText/{id}", serve: (*Shop).serveNoteText},
			{method: "GET", path: "/ActivityLog/GetAll", query: "createdOnFrom:date createdOnTo:date customerId:int activityLogTypeId:int ipAddress:text entityName:text entityId:int" + pages, serve: (*Shop).serveActivities},
			{method: "GET", path: "/GenericAttribute/GetAttributesForEntity/{entityId}", query: "keyGroup:text!", serve: (*Shop).serveAttributes},
			{method: "GET", path: "/GenericAttribute/GetAttribute/{entityId}", query: "key:text! entityTypeName:text! storeId:int defaultValue:text", serve: (*Shop).serveAttribute},
			{method: "POST", path: "/GenericAttribute/SaveAttribute/{storeId}/{entityId}", query: "entityTypeName:text! key:text! value:text!", serve: (*Shop).serveAttributeSave},
			{method: "GET", path: "/GenericAttribute/DeleteAttributes/{ids}", serve: (*Shop).serveAttributesDelete},
		})
}

func processingRoutes() []route {
	const at = "/OrderProcessing/"
	return []route{
		{method: "GET", path: at + "CheckOrderStatus/{orderId}", serve: act((*Shop).checkStatus)},
		{method: "DELETE", path: at + "DeleteOrder/{orderId}", serve: act((*Shop).deleteOrder)},
		{method: "GET", path: at + "CanCancelOrder/{orderId}", serve: may(canCancel)},
		{method: "GET", path: at + "CancelOrder/{orderId}", query: notify, serve: act((*Shop).cancel)},
		{method: "GET", path: at + "CanMarkOrderAsAuthorized/{orderId}", serve: may(canAuthorize)},
		{method: "GET", path: at + "MarkAsAuthorized/{orderId}", serve: act((*Shop).markAuthorized)},
		{method: "GET", path: at + "CanCapture/{orderId}", serve: may(canCapture)},
		{method: "GET", path: at + "Capture/{orderId}", serve: (*Shop).serveCapture},
		{method: "GET", path: at + "CanMarkOrderAsPaid/{orderId}", serve: may(canPay)},
		{method: "GET", path: at + "MarkOrderAsPaid/{orderId}", serve: act((*Shop).markPaid)},
		{method: "GET", path: at + "CanRefund/{orderId}", serve: may((*Shop).canRefundOnline)},
		{method: "GET", path: at + "Refund/{orderId}", serve: (*Shop).serveRefund},
		{method: "GET", path: at + "CanRefundOffline/{orderId}", serve: may(canRefund)},
		{method: "GET", path: at + "RefundOffline/{orderId}", serve: act((*Shop).refundOffline)},
		{method: "GET", path: at + "CanPartiallyRefund/{orderId}", query: amount, serve: may((*Shop).canRefundPartOnline)},
		{method: "GET", path: at + "PartiallyRefund/{orderId}", query: amount, serve: (*Shop).servePartialRefund},
		{method: "GET", path: at + "CanPartiallyRefundOffline/{orderId}", query: amount, serve: may(canRefundPart)},
		{method: "GET", path: at + "PartiallyRefundOffline/{orderId}", query: amount, serve: act((*Shop).refundPartOffline)},
		{method: "GET", path: at + "CanVoid/{orderId}", serve: may((*Shop).canVoidOnline)},
		{method: "GET", path: at + "Void/{orderId}", serve: (*Shop).serveVoid},
		{method: "GET", path: at + "CanVoidOffline/{orderId}", serve: may(canVoid)},
		{method: "GET", path: at + "VoidOffline/{orderId}", serve: act((*Shop).voidOffline)},
		{method: "GET", path: at + "IsReturnRequestAllowed/{orderId}", serve: may((*Shop).canReturn)},
		{method: "GET", path: at + "Ship/{shipmentId}", query: notify, serve: (*Shop).serveShip},
		{method: "GET", path: at + "Deliver/{shipmentId}", query: notify, serve: (*Shop).serveDeliver},
		{method: "GET", path: "/Payment/CanRePostProcessPayment/{orderId}", serve: may(canRepost)},
		{method: "GET", path: "/Payment/SupportCapture", query: "paymentMethodSystemName:text!", serve: (*Shop).serveSupport},
		{method: "GET", path: "/Payment/SupportPartiallyRefund", query: "paymentMethodSystemName:text!", serve: (*Shop).serveSupport},
		{method: "GET", path: "/Payment/SupportRefund", query: "paymentMethodSystemName:text!", serve: (*Shop).serveSupport},
		{method: "GET", path: "/Payment/SupportVoid", query: "paymentMethodSystemName:text!", serve: (*Shop).serveSupport},
		{method: "GET", path: "/Payment/GetRecurringPaymentType", query: "paymentMethodSystemName:text!", serve: (*Shop).serveRecurringType},
	}
}

func shipmentRoutes() []route {
	return slices.Concat(
		crud("Shipment", "gcud", func(t *tables) *table[Shipment, *Shipment] { return &t.shipments }),
		[]route{
			{method: "GET", path: "/Shipment/GetAll", query: "vendorId:int warehouseId:int shippingCountryId:int shippingStateId:int shippingCounty:text shippingCity:text trackingNumber:text" +
				" loadNotShipped:bool loadNotReadyForPickup:bool loadNotDelivered:bool orderId:int" + period + pages, serve: (*Shop).serveShipments},
			{method: "GET", path: "/Shipment/GetByIds/{ids}", serve: func(s *Shop, r *request) (any, *failure) { return byIDs(&s.shipments, r.ids), nil }},
			{method: "GET", path: "/Shipment/GetByOrderId/{orderId}", query: "shipped:bool readyForPickup:bool vendorId:int", serve: (*Shop).serveShipmentsOfOrder},
			{method: "GET", path: "/ShipmentItem/GetByShipmentId/{id}", serve: (*Shop).serveParcels},
			{method: "POST", path: "/ShipmentItem/Create", body: true, serve: (*Shop).serveParcelCreate},
			{method: "GET", path: "/ShipmentItem/GetQuantityInShipments/{productId}/{warehouseId}", query: "ignoreShipped:bool! ignoreDelivered:bool!", serve: (*Shop).serveQuantityInShipments},
			{method: "GET", path: "/ShippingMethod/GetAll", query: "filterByCountryId:int", serve: func(s *Shop, _ *request) (any, *failure) { return s.methods.rows, nil }},
		},
		later(460, crud("ShipmentItem", "gud", func(t *tables) *table[ShipmentItem, *ShipmentItem] { return &t.parcels })))
}

// later are routes that a version brought.
func later(version int, routes []route) []route {
	for i := range routes {
		routes[i].since = version
	}
	return routes
}

func customerRoutes() []route {
	return slices.Concat(
		crud("Customer", "gcud", func(t *tables) *table[Customer, *Customer] { return &t.customers }),
		crud("Address", "gcud", func(t *tables) *table[Address, *Address] { return &t.addresses }),
		[]route{
			{method: "GET", path: "/Customer/GetCustomersByIds/{ids}", serve: func(s *Shop, r *request) (any, *failure) { return byIDs(&s.customers, r.ids), nil }},
			{method: "GET", path: "/Customer/GetCustomerByGuid", query: "guid:guid!", serve: customerBy("guid", func(c *Customer) string { return c.CustomerGUID })},
			{method: "GET", path: "/Customer/GetCustomerByEmail", query: "email:text!", serve: customerBy("email", func(c *Customer) string { return text(c.Email) })},
			{method: "GET", path: "/Customer/GetCustomerByUsername", query: "username:text!", serve: customerBy("username", func(c *Customer) string { return text(c.Username) })},
			{method: "GET", path: "/Customer/GetCustomerFullName/{customerId}", serve: (*Shop).serveFullName},
			{method: "GET", path: "/Customer/GetAll", query: period[1:] + " affiliateId:int vendorId:int customerRoleIds:text email:text username:text firstName:text lastName:text dayOfBirth:int" +
				" monthOfBirth:int company:text phone:text zipPostalCode:text ipAddress:text" + pages + total, serve: (*Shop).serveCustomers},
			{method: "GET", path: "/Customer/GetAddressesByCustomerId/{customerId}", serve: (*Shop).serveBook},
			{method: "GET", path: "/Customer/GetCustomerAddress/{customerId}/{addressId}", serve: (*Shop).serveBookAddress},
			{method: "GET", path: "/Customer/GetCustomerBillingAddress/{customerId}", serve: addressOf(func(c *Customer) *int { return c.BillingAddressID })},
			{method: "GET", path: "/Customer/GetCustomerShippingAddress/{customerId}", serve: addressOf(func(c *Customer) *int { return c.ShippingAddressID })},
			{method: "GET", path: "/Customer/InsertCustomerAddress/{customerId}/{addressId}", serve: (*Shop).serveBookInsert},
			{method: "GET", path: "/Customer/RemoveCustomerAddress/{customerId}/{addressId}", serve: (*Shop).serveBookRemove},
			{method: "POST", path: "/Address/IsAddressValid", body: true, serve: (*Shop).serveAddressValid},
		})
}

func directoryRoutes() []route {
	return slices.Concat(
		crud("Country", "gcud", func(t *tables) *table[Country, *Country] { return &t.countries }),
		crud("StateProvince", "gcud", func(t *tables) *table[State, *State] { return &t.states }),
		crud("Currency", "g", func(t *tables) *table[Currency, *Currency] { return &t.currencies }),
		crud("Store", "gcud", func(t *tables) *table[Store, *Store] { return &t.stores }),
		crud("Warehouse", "g", func(t *tables) *table[Warehouse, *Warehouse] { return &t.warehouses }),
		[]route{
			{method: "GET", path: "/Country/GetAllCountries", query: "languageId:int showHidden:bool", serve: countriesFor(func(*Country) bool { return true })},
			{method: "GET", path: "/Country/GetAllCountriesForBilling", query: "languageId:int showHidden:bool", serve: countriesFor(func(c *Country) bool { return c.AllowsBilling })},
			{method: "GET", path: "/Country/GetAllCountriesForShipping", query: "languageId:int showHidden:bool", serve: countriesFor(func(c *Country) bool { return c.AllowsShipping })},
			{method: "GET", path: "/Country/GetCountryByAddress/{addressId}", serve: (*Shop).serveCountryOfAddress},
			{method: "GET", path: "/Country/GetCountriesByIds/{ids}", serve: func(s *Shop, r *request) (any, *failure) { return byIDs(&s.countries, r.ids), nil }},
			{method: "GET", path: "/Country/GetCountryByTwoLetterIsoCode", query: "twoLetterIsoCode:text!", serve: countryBy("twoLetterIsoCode", func(c *Country) *string { return c.TwoLetterISOCode })},
			{method: "GET", path: "/Country/GetCountryByThreeLetterIsoCode", query: "threeLetterIsoCode:text!", serve: countryBy("threeLetterIsoCode", func(c *Country) *string { return c.ThreeLetterISOCode })},
			{method: "GET", path: "/StateProvince/GetStateProvinceByAbbreviation", query: "abbreviation:text! countryId:int", serve: (*Shop).serveStateByAbbreviation},
			{method: "GET", path: "/StateProvince/GetStateProvinceByAddress/{addressId}", serve: (*Shop).serveStateOfAddress},
			{method: "GET", path: "/StateProvince/GetStateProvincesByCountryId/{countryId}", query: "languageId:int showHidden:bool", serve: (*Shop).serveStatesOfCountry},
			{method: "GET", path: "/StateProvince/GetAll", query: "showHidden:bool", serve: (*Shop).serveStates},
			{method: "GET", path: "/Currency/GetCurrencyByCode", query: "currencyCode:text!", serve: (*Shop).serveCurrencyByCode},
			{method: "GET", path: "/Currency/GetAll", query: "storeId:int showHidden:bool", serve: (*Shop).serveCurrencies},
			{method: "GET", path: "/Currency/ConvertToPrimaryStoreCurrency/{currencyId}", query: "amount:num!", serve: (*Shop).serveToPrimary},
			{method: "GET", path: "/Currency/ConvertFromPrimaryStoreCurrency/{currencyId}", query: "amount:num!", serve: (*Shop).serveFromPrimary},
			{method: "GET", path: "/Store/GetAll", serve: func(s *Shop, _ *request) (any, *failure) { return s.stores.rows, nil }},
			{method: "GET", path: "/Warehouse/GetAll", query: "name:text", serve: (*Shop).serveWarehouses},
		})
}

func productRoutes() []route {
	return slices.Concat(
		crud("Product", "gcud", func(t *tables) *table[Product, *Product] { return &t.products }),
		crud("ProductAttributeCombination", "gcud", func(t *tables) *table[Combination, *Combination] { return &t.combinations }),
		crud("ProductWarehouse", "gcud", func(t *tables) *table[Inventory, *Inventory] { return &t.inventories }),
		[]route{
			{method: "GET", path: "/Product/GetProductsByIds/{ids}", serve: func(s *Shop, r *request) (any, *failure) { return byIDs(&s.products, r.ids), nil }},
			{method: "GET", path: "/Product/GetProductBySku", query: "sku:text!", serve: (*Shop).serveProductBySKU},
			{method: "GET", path: "/Product/GetProductsBySku", query: "skuArray:text! vendorId:int", serve: (*Shop).serveProductsBySKU},
			{method: "GET", path: "/Product/GetAll", query: "pageIndex:int pageSize:int categoryIds:text manufacturerIds:text storeId:int vendorId:int warehouseId:int productType:ProductType" +
				" visibleIndividuallyOnly:bool excludeFeaturedProducts:bool priceMin:num priceMax:num productTagId:int keywords:text searchDescriptions:bool searchManufacturerPartNumber:bool" +
				" searchSku:bool searchProductTags:bool languageId:int filteredSpecOptionIds:text orderByType:ProductSortingEnum showHidden:bool overridePublished:bool", serve: (*Shop).serveProducts},
			{method: "GET", path: "/Product/GetLowStockProducts", query: "vendorId:int loadPublishedOnly:bool" + pages + total, serve: (*Shop).serveLowStock},
			{method: "GET", path: "/Product/GetLowStockProductCombinations", query: "vendorId:int loadPublishedOnly:bool" + pages + total, serve: (*Shop).serveLowCombinations},
			{method: "GET", path: "/Product/GetTotalStockQuantity/{productId}", query: "useReservedQuantity:bool warehouseId:int", serve: (*Shop).serveTotalStock},
			{method: "POST", path: "/Product/AdjustInventory/{productId}", query: "quantityToChange:int! message:text", body: true, serve: (*Shop).serveAdjust},
			{method: "GET", path: "/Product/BookReservedInventory/{productId}/{warehouseId}", query: "quantity:int! message:text", serve: (*Shop).serveBookReserved},
			{method: "GET", path: "/Product/AddStockQuantityHistoryEntry/{productId}", query: "quantityAdjustment:int! stockQuantity:int! warehouseId:int message:text combinationId:int", serve: (*Shop).serveStockEntry},
			{method: "GET", path: "/Product/GetStockQuantityHistory/{productId}", query: "warehouseId:int combinationId:int" + pages, serve: (*Shop).serveStockHistory},
			{method: "GET", path: "/ProductAttributeCombination/GetBySku", query: "sku:text!", serve: (*Shop).serveCombinationBySKU},
			{method: "GET", path: "/ProductAttributeCombination/GetAll/{productId}", serve: (*Shop).serveCombinations},
			{method: "GET", path: "/ProductWarehouse/GetWarehousesById/{id}", serve: func(s *Shop, r *request) (any, *failure) { return plainly(find(&s.warehouses, r.id)) }},
			{method: "GET", path: "/ProductWarehouse/GetAllProductWarehouseInventoryRecords/{productId}", serve: (*Shop).serveInventories},
		})
}

func returnRoutes() []route {
	return slices.Concat(
		crud("ReturnRequest", "gcud", func(t *tables) *table[ReturnRequest, *ReturnRequest] { return &t.returns }),
		crud("ReturnRequestAction", "gcud", func(t *tables) *table[ReturnAction, *ReturnAction] { return &t.actions }),
		crud("ReturnRequestReason", "gcud", func(t *tables) *table[ReturnReason, *ReturnReason] { return &t.reasons }),
		[]route{
			{method: "GET", path: "/ReturnRequest/Search", query: "storeId:int customerId:int orderItemId:int customNumber:text rs:ReturnRequestStatus" + period + pages + total, serve: (*Shop).serveReturns},
			{method: "GET", path: "/ReturnRequestAction/GetAll", serve: func(s *Shop, _ *request) (any, *failure) { return s.actions.rows, nil }},
			{method: "GET", path: "/ReturnRequestReason/GetAll", serve: func(s *Shop, _ *request) (any, *failure) { return s.reasons.rows, nil }},
		})
}

func recurringRoutes() []route {
	return slices.Concat(
		crud("RecurringPayment", "gcud", func(t *tables) *table[RecurringPayment, *RecurringPayment] { return &t.recurring }),
		crud("RecurringPaymentHistory", "c", func(t *tables) *table[RecurringOrder, *RecurringOrder] { return &t.cycles }),
		[]route{
			{method: "GET", path: "/RecurringPayment/Search", query: "storeId:int customerId:int initialOrderId:int initialOrderStatus:OrderStatus" + pages + " showHidden:bool", serve: (*Shop).serveRecurring},
			{method: "GET", path: "/RecurringPaymentHistory/GetByRecurringPaymentId/{id}", serve: (*Shop).serveCycles},
		})
}

// plainly turns a found row into an answer.
func plainly[T any](v T, f *failure) (any, *failure) {
	if f != nil {
		return nil, f
	}
	return v, nil
}
