/// Values at fixed places, named by small numbers that are used again: what a media worker keeps of its sessions.
///
/// A dictionary or an array would copy a value to read a part of it, and count its references; here everything is read
/// and changed where it is. Memory is allocated with `insert` and given back with `remove`.
package struct Slab<Element>: ~Copyable {
    private var places: [UnsafeMutablePointer<Element>?] = []
    private var free: [Int] = []

    package init() {}

    deinit {
        for case .some(let place) in places {
            place.deinitialize(count: 1)
            place.deallocate()
        }
    }

    /// Every number that was given out so far is below this.
    package var bound: Int { places.count }
    package var count: Int { places.count - free.count }

    package func contains(_ index: Int) -> Bool {
        index >= 0 && index < places.count && places[index] != nil
    }

    /// The number that the next `insert` gives.
    package var next: Int { free.last ?? places.count }

    package mutating func insert(_ element: consuming Element) -> Int {
        let place = UnsafeMutablePointer<Element>.allocate(capacity: 1)
        place.initialize(to: element)
        if let index = free.popLast() {
            places[index] = place
            return index
        }
        places.append(place)
        return places.count - 1
    }

    /// Of a number that `contains` says true for.
    package mutating func remove(_ index: Int) -> Element {
        let place = self.place(index)
        places[index] = nil
        free.append(index)
        let element = place.move()
        place.deallocate()
        return element
    }

    /// Of a number that `contains` says true for.
    package subscript(index: Int) -> Element {
        _read { yield place(index).pointee }
        nonmutating _modify { yield &place(index).pointee }
    }

    private func place(_ index: Int) -> UnsafeMutablePointer<Element> {
        guard index >= 0, index < places.count, let place = places[index] else {
            preconditionFailure("no value has this number")
        }
        return place
    }
}
