package mapping

// OnDiscounted is the choice behind TaxLine.Base.
var OnDiscounted = onDiscounted
