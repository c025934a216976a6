/// Where the two legs of a session stand, for as long as the session lives: changed and read in place.
///
/// An array would do, but reading one property of an element may copy the element, and a copied leg counts references
/// for each key and codec in it: nine a packet were measured. A leg cannot be copied at all, so that it stays that way.
final class LegPlaces {
    let legs: UnsafeMutablePointer<MediaLeg>

    init(_ a: consuming MediaLeg, _ b: consuming MediaLeg) {
        legs = .allocate(capacity: 2)
        legs.initialize(to: a)
        (legs + 1).initialize(to: b)
    }

    deinit {
        legs.deinitialize(count: 2)
        legs.deallocate()
    }
}
