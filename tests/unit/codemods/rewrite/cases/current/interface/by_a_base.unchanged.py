class Base(nn.Module, interfaces.SupportsMultiModal):
    pass


class Finch(Base):
    pass
